import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  QubesException,
  QubesVMAlreadyExistsError,
  QubesVMInUseError,
  QubesVMNotHaltedError,
} from '../../src/base/errors.ts';
import { encodeFrame, Frame, MAX_FRAME } from '../../src/base/frames.ts';
import { makeTemplates } from './daemon/starter.ts';
import { TestDaemon } from './daemon/test-daemon.ts';
import { connected, exchangeRaw, faultOf, received, request } from './daemon/wire.ts';

/** Clients that do too much, too little or the wrong thing: the daemon serves everybody else as before. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.open();
  await makeTemplates(daemon);
  for (const name of ['work', 'play']) await daemon.client.create({ class: 'AppVM', name, label: 'red' });
});
afterAll(async () => {
  expect(await daemon.problems()).toEqual([]);
  await daemon[Symbol.asyncDispose]();
});

/** The reason each call was refused with; undefined for those that were done. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((result) => (result.status === 'rejected' ? result.reason : undefined));
}

/** Milliseconds that half of the Lists and Gets take at most. */
async function typicalMilliseconds(): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 20; round++) {
    const begun = performance.now();
    await daemon.client.list();
    await daemon.client.domain('play').properties.get('memory');
    times.push((performance.now() - begun) / 2);
  }
  return times.sort((a, b) => a - b)[10] as number;
}

async function expectPromptAnswers(): Promise<void> {
  expect(await typicalMilliseconds()).toBeLessThan(20);
}

function stateOf(name: string): Promise<string | undefined> {
  return daemon.client.list().then((all) => all.find((domain) => domain.name === name)?.state);
}

test('200 clients at once each get their answer, and each change is there', async () => {
  const clients = Array.from({ length: 200 }, (_, number) => number);
  await Promise.all(
    clients.map(async (number) => {
      const work = daemon.client.domain('work');
      await work.setFeature(`client-${number}`, `value-${number}`);
      expect(await work.feature(`client-${number}`)).toBe(`value-${number}`);
      expect((await daemon.client.list()).length).toBeGreaterThanOrEqual(5);
    }),
  );
  await daemon.restart();
  const features = await daemon.client.domain('work').features();
  expect(features.filter((name) => name.startsWith('client-'))).toHaveLength(200);
});

test('clients that say nothing, or half of it, keep nobody waiting', async () => {
  const silent = await Promise.all(Array.from({ length: 100 }, () => connected(daemon.socket)));
  const mute = await Promise.all(Array.from({ length: 20 }, () => connected(daemon.execSocket)));
  for (const socket of silent.slice(50)) socket.write('admin.vm.Li');
  await expectPromptAnswers();
  for (const socket of [...silent, ...mute]) socket.destroy();
  await expectPromptAnswers();
});

test('a request that ends early is refused', async () => {
  for (const part of ['', 'admin.vm.List', 'admin.vm.List+ dom0 name dom0']) {
    const answer = await exchangeRaw(daemon.socket, Buffer.from(part));
    expect(faultOf(answer)).toBeUndefined();
    expect(answer.toString()).toMatch(/^2\0ProtocolError\0\0/);
  }
});

test('a request that comes byte by byte is answered', async () => {
  const socket = await connected(daemon.socket);
  const answer = received(socket);
  for (const byte of request('admin.vm.tag.Get', 'created-by-dom0', 'work')) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  expect((await answer).toString()).toBe('0\x001');
});

test('clients that do not read a long answer keep nobody waiting', async () => {
  const names = Array.from({ length: 100 }, (_, number) => `many-${number}`);
  await Promise.all(names.map((name) => daemon.client.create({ class: 'AppVM', name, label: 'gray' })));
  const deaf = await Promise.all(Array.from({ length: 50 }, () => connected(daemon.socket)));
  for (const socket of deaf) {
    socket.pause();
    socket.end(request('bulkhead.vm.GetAll'));
  }
  await sleep(300);
  await expectPromptAnswers();
  // One that reads late gets all of it.
  const late = deaf.pop();
  if (!late) throw new Error('no socket');
  const described = JSON.parse((await received(late)).subarray(2).toString());
  expect(described.filter(({ name }: { name: string }) => name.startsWith('many-'))).toHaveLength(100);
  for (const socket of deaf) socket.destroy();
  await Promise.all(names.map((name) => daemon.client.domain(name).remove()));
});

test('a listener that stops reading is cut off; the others miss nothing', async () => {
  const changes = 200;
  const deaf = await connected(daemon.socket);
  deaf.pause();
  deaf.end(request('admin.Events'));
  const stop = new AbortController();
  const heard: string[] = [];
  const listening = (async () => {
    for await (const { name, kwargs } of daemon.client.events('dom0', stop.signal)) {
      if (name !== 'domain-feature-set:long') continue;
      heard.push((kwargs['value'] ?? '').slice(0, 6));
      if (heard.length === changes) return;
    }
  })();
  await sleep(100); // both have subscribed
  for (let number = 0; number < changes; number++)
    await daemon.client
      .domain('work')
      .setFeature('long', String(number).padStart(6, '0') + 'x'.repeat(20_000));
  await listening;
  stop.abort();
  expect(heard).toEqual(Array.from({ length: changes }, (_, number) => String(number).padStart(6, '0')));
  // What it was sent before it was cut off is less than there was to hear.
  expect((await received(deaf.resume())).length).toBeLessThan(changes * 20_000);
  await daemon.client.domain('work').removeFeature('long');
});

test('a change is whole or not there when its client goes away in the middle', async () => {
  const work = daemon.client.domain('work');
  for (let round = 0; round < 40; round++) {
    const socket = await connected(daemon.socket);
    const whole = request('admin.vm.feature.Set', 'torn', 'work', `value-${round}`);
    if (round % 2 === 0) socket.write(whole.subarray(0, whole.length - 3));
    else socket.end(whole);
    if (round % 4 > 1) await sleep(round % 5);
    socket.destroy();
  }
  await expect.poll(() => work.features()).toContain('torn');
  await sleep(50);
  const value = await work.feature('torn');
  expect(value).toMatch(/^value-\d*[13579]$/);
  await daemon.restart();
  expect(await daemon.client.domain('work').feature('torn')).toBe(value);
});

test('changes racing on one property: the last event tells what stays, also after a crash', async () => {
  const stop = new AbortController();
  let last = '';
  const listening = (async () => {
    for await (const { subject, name, kwargs } of daemon.client.events('dom0', stop.signal))
      if (subject === 'work' && name === 'property-set:memory') last = kwargs['newvalue'] ?? '';
  })();
  await sleep(100);
  const values = Array.from({ length: 60 }, (_, number) => String(300 + number));
  await Promise.all(values.map((value) => daemon.client.domain('work').properties.set('memory', value)));
  const { value } = await daemon.client.domain('work').properties.get('memory');
  expect(values).toContain(value);
  await expect.poll(() => last).toBe(value);
  stop.abort();
  await listening;
  await daemon.restart();
  expect((await daemon.client.domain('work').properties.get('memory')).value).toBe(value);
});

test('of many who create a name at once exactly one does, and the others cost nothing', async () => {
  const refusals = (
    await outcomes(
      Array.from({ length: 10 }, () => daemon.client.create({ class: 'AppVM', name: 'twin', label: 'blue' })),
    )
  ).filter((reason) => reason !== undefined);
  expect(refusals).toHaveLength(9);
  for (const reason of refusals) expect(reason).toBeInstanceOf(QubesVMAlreadyExistsError);
  expect(await daemon.problems()).toEqual([]);
  await daemon.client.create({ class: 'AppVM', name: 'next', label: 'blue' });
  const qids = await Promise.all(
    ['twin', 'next'].map(async (name) =>
      Number((await daemon.client.domain(name).properties.get('qid')).value),
    ),
  );
  expect(qids[1], 'numbers taken by those who were refused').toBe((qids[0] as number) + 1);
  for (const name of ['twin', 'next']) await daemon.client.domain(name).remove();
});

test('a domain that is being started is not removed', async () => {
  const work = daemon.client.domain('work');
  // Two connections have no order: the removal is sent when the start has been seen to begin.
  const starting = work.start();
  while ((await daemon.client.list()).find(({ name }) => name === 'work')?.state === 'Halted') await sleep(1);
  const [started, removed] = await outcomes([starting, work.remove()]);
  expect(started).toBeUndefined();
  expect(removed).toBeInstanceOf(QubesVMNotHaltedError);
  await work.kill();
});

test('starting twice at once starts once', async () => {
  const stop = new AbortController();
  let starts = 0;
  const listening = (async () => {
    for await (const { subject, name } of daemon.client.events('dom0', stop.signal))
      if (subject === 'work' && name === 'domain-start') starts += 1;
  })();
  await sleep(100);
  const work = daemon.client.domain('work');
  expect(await outcomes([work.start(), work.start(), work.start()])).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  await work.kill();
  await sleep(50);
  stop.abort();
  await listening;
  expect(starts).toBe(1);
});

test('killing while starting leaves it halted, and nothing behind', async () => {
  const work = daemon.client.domain('work');
  for (let delay = 0; delay < 120; delay += 10) {
    const starting = work.start().catch((error: unknown) => error);
    await sleep(delay);
    const [killed] = await outcomes([work.kill()]);
    const started = await starting;
    if (started !== undefined) expect(started).toBeInstanceOf(QubesException);
    // Too early to be killed: then it has come up.
    if (killed !== undefined) await work.kill();
    expect(await stateOf('work')).toBe('Halted');
  }
  expect(await daemon.host.settledLeftovers([], daemon.pid)).toEqual([]);
});

test('a netvm in use is not shut down, unless by force', async () => {
  const { client } = daemon;
  await client.create({ class: 'NetVM', name: 'net', label: 'red', template: 'host' });
  await client.domain('work').properties.set('netvm', 'net');
  await client.domain('work').start();
  expect(await stateOf('net'), 'a netvm starts first').toBe('Running');
  await expect(client.domain('net').shutdown({ wait: true })).rejects.toBeInstanceOf(QubesVMInUseError);
  expect(await stateOf('net')).toBe('Running');
  await client.domain('net').shutdown({ wait: true, force: true });
  expect(await stateOf('net')).toBe('Halted');
  await expect(client.domain('net').remove()).rejects.toBeInstanceOf(QubesVMInUseError);
  await client.domain('work').kill();
  await client.domain('work').properties.reset('netvm');
  await client.domain('net').remove();
});

test('requests on exec.sock that make no sense are refused with a reason', async () => {
  const frame = (type: number, payload: string | Buffer, length?: number) => {
    const header = Buffer.alloc(5);
    header[0] = type;
    header.writeUInt32BE(length ?? Buffer.byteLength(payload), 1);
    return Buffer.concat([header, Buffer.from(payload)]);
  };
  const wrong: readonly (readonly [Buffer, RegExp])[] = [
    [frame(0x20, 'no json'), /^ProtocolError\0The request is not JSON/],
    [frame(0x20, '[]'), /^ProtocolError\0/],
    [frame(0x20, 'null'), /^ProtocolError\0/],
    [frame(0x20, '{}'), /^ProtocolError\0'domain'/],
    [frame(0x20, '{"domain":"work"}'), /^ProtocolError\0'command'/],
    [frame(0x20, '{"domain":"nowhere","command":["true"]}'), /^QubesVMNotFoundError\0/],
    [frame(0x20, '{"domain":"dom0","command":["true"]}'), /^ProtocolError\0/],
    [frame(0x20, '{"domain":"work","command":["true"],"autostart":false}'), /^QubesVMNotRunningError\0/],
    [frame(0x20, '{"domain":"@dispvm:work","command":["true"]}'), /^\w+\0.*template_for_dispvms/],
    [frame(0x20, '{"domain":"work","command":["true"],"user":"a b"}'), /^\w+\0Invalid user/],
    [frame(0x00, 'input first'), /^ProtocolError\0The first frame must be a request/],
    [frame(0x99, ''), /^ProtocolError\0.*unknown frame type/],
    [frame(0x20, '', 2 ** 31), /^ProtocolError\0.*at most/],
    [Buffer.from('GET / HTTP/1.0\r\n\r\n'), /^ProtocolError\0/],
  ];
  for (const [bytes, expected] of wrong) {
    const answer = await exchangeRaw(daemon.execSocket, bytes);
    expect(answer[0], bytes.toString('latin1')).toBe(0x14);
    expect(answer.subarray(5).toString()).toMatch(expected);
    expect(answer.length).toBe(5 + answer.readUInt32BE(1));
  }
  await expectPromptAnswers();
});

test('a client that vanishes with more input on the way than its command takes leaves nothing behind', async () => {
  const socket = await connected(daemon.execSocket);
  socket.write(encodeFrame(Frame.request, Buffer.from('{"domain":"@dispvm","command":["sleep","600"]}')));
  const disposables = async () => (await daemon.client.list()).filter(({ name }) => name.startsWith('disp'));
  await expect.poll(async () => (await disposables()).map(({ state }) => state)).toEqual(['Running']);
  const input = encodeFrame(Frame.stdin, Buffer.alloc(MAX_FRAME));
  for (let count = 0; count < 64; count++) socket.write(input);
  await sleep(200); // as much has gone as finds room, and it is not all
  expect(socket.writableLength).toBeGreaterThan(0);
  socket.destroy();
  await expect.poll(disposables, { timeout: 5000 }).toEqual([]);
});
