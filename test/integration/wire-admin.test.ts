import { rename, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MAX_REQUEST } from '../../src/api/contract/request.ts';
import { EventReader } from '../../src/client/wire.ts';
import { listen } from '../../src/daemon/listen.ts';
import type { QubesVM } from '../../src/vm/qubes-vm.ts';
import { requestBytes } from '../support/api.ts';
import { WireSystem } from '../support/wire-system.ts';

/** The Admin API on a real unix socket. */

let wire: WireSystem;
beforeEach(async () => {
  wire = await WireSystem.open();
});
afterEach(() => wire[Symbol.asyncDispose]());

function open(path = wire.admin): Socket {
  const socket = connect({ path, allowHalfOpen: true });
  socket.on('error', () => {}); // what matters is what has come until then
  return socket;
}

async function all(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

function exchange(request: Buffer): Promise<string> {
  const socket = open();
  socket.end(request);
  return all(socket);
}

const labels = requestBytes('admin.label.Get', { arg: 'red' });
const gone = () => vi.waitFor(async () => expect(await wire.connections()).toBe(0));

test('one request, one answer, end of file', async () => {
  expect(await exchange(labels)).toBe('0\x000xcc0000');
  await gone();
});

test('the request may come a byte at a time, and is complete at the end of file', async () => {
  const socket = open();
  const answer = all(socket);
  for (const byte of labels) {
    socket.write(Buffer.of(byte));
    await sleep(0);
  }
  await sleep(50);
  expect(socket.bytesRead).toBe(0);
  socket.end();
  expect(await answer).toBe('0\x000xcc0000');
});

test('the payload may come after the header', async () => {
  const socket = open();
  const answer = all(socket);
  const request = requestBytes('admin.vm.notes.Set', { dest: 'work', payload: 'hello' });
  socket.write(request.subarray(0, request.indexOf(0) + 1));
  await sleep(10);
  socket.end('hello');
  expect(await answer).toBe('0\0');
  expect(wire.model.system.domain('work').notes).toBe('hello');
});

test('an answer of any length comes whole', async () => {
  const notes = 'ä'.repeat(128_000);
  await wire.model.system.change((change) => wire.model.system.domain('work').setNotes(change, notes));
  expect(await exchange(requestBytes('admin.vm.notes.Get', { dest: 'work' }))).toBe(`0\0${notes}`);
});

describe('the longest request', () => {
  const notes = (length: number) => {
    const header = requestBytes('admin.vm.notes.Set', { dest: 'work' });
    return Buffer.concat([header, Buffer.alloc(length - header.length, 'n')]);
  };

  test('is served', async () => expect(await exchange(notes(MAX_REQUEST))).toBe('0\0'));

  test('is refused when it is a byte longer, and nothing of it is done', async () => {
    expect(await exchange(notes(MAX_REQUEST + 1))).toBe(
      `2\0ProtocolError\0\0The request is longer than ${MAX_REQUEST} bytes\0`,
    );
    expect(wire.model.system.domain('work').notes).toBe('');
  });

  test('is refused before its end has come', async () => {
    const socket = open();
    const answer = all(socket);
    socket.write(notes(10 * MAX_REQUEST));
    await vi.waitFor(() => expect(socket.bytesRead).toBeGreaterThan(0));
    socket.end();
    expect(await answer).toMatch(/^2\0ProtocolError\0\0The request is longer/);
    await gone();
  });
});

test.each(['', 'x', '\0', 'admin.Events', 'admin.Events dom0 name dom0', 'admin.Events+x dom0 name dom0\0'])(
  '%j is refused with a typed error',
  async (bytes) => expect(await exchange(Buffer.from(bytes))).toMatch(/^2\0ProtocolError\0\0[^\0]+\0$/),
);

test('what a client asks for is done although it does not wait', async () => {
  const socket = open();
  socket.write(requestBytes('admin.vm.feature.Set', { dest: 'work', arg: 'gui', payload: '1' }));
  socket.end();
  await new Promise((resolve) => socket.once('finish', resolve));
  socket.destroy();
  await vi.waitFor(() => expect(wire.model.system.domain('work').features.get('gui')).toBe('1'));
  await gone();
});

test('who goes before the request is complete has asked for nothing', async () => {
  const socket = open();
  socket.write(
    requestBytes('admin.vm.feature.Set', { dest: 'work', arg: 'gui', payload: '1' }).subarray(0, 20),
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.destroy();
  await gone();
  expect(wire.model.system.domain('work').features.get('gui')).toBeUndefined();
});

test('many at once each get their own answer', async () => {
  const names = ['red', 'orange', 'nope', 'black'];
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      exchange(requestBytes('admin.label.Get', { arg: names[at % 4] as string })),
    ),
  );
  const once = [
    '0\x000xcc0000',
    '0\x000xf57900',
    '2\0QubesLabelNotFoundError\0\0Label does not exist: nope\0',
    '0\x000x000000',
  ];
  expect(answers).toEqual(Array.from({ length: 200 }, (_, at) => once[at % 4]));
});

describe('events', () => {
  /** Subscribes and reads `count` events. */
  async function hear(dest: string, count: number, work: () => unknown): Promise<string[]> {
    const socket = open();
    socket.end(requestBytes('admin.Events', { dest }));
    const reader = new EventReader();
    const heard: string[] = [];
    for await (const chunk of socket) {
      for (const { subject, name } of reader.push(chunk as Buffer)) {
        heard.push(`${subject} ${name}`);
        if (heard.length === 1) void work();
      }
      if (heard.length >= count) break;
    }
    return heard;
  }
  const work = () => wire.model.system.domain('work') as QubesVM;

  test('of the system', async () => {
    expect(await hear('dom0', 5, () => work().start())).toEqual([
      ' connection-established',
      'work domain-pre-start',
      'gateway domain-pre-start',
      'gateway domain-start',
      'work domain-start',
    ]);
  });

  test('of one domain', async () => {
    expect(await hear('work', 3, () => work().start())).toEqual([
      ' connection-established',
      'work domain-pre-start',
      'work domain-start',
    ]);
  });

  test('of a domain there is not', async () => {
    expect(await exchange(requestBytes('admin.Events', { dest: 'nobody' }))).toBe(
      "2\0QubesVMNotFoundError\0\0No such domain: 'nobody'\0",
    );
  });

  test('by others than the AdminVM', async () => {
    expect(await exchange(requestBytes('admin.Events', { source: 'work' }))).toBe(
      '2\0PermissionDenied\0\0Only the AdminVM may call here\0',
    );
  });

  test('for who does not read end with the connection, and the others hear on', async () => {
    const deaf = open();
    deaf.end(requestBytes('admin.Events'));
    await new Promise((resolve) => deaf.once('readable', resolve));
    const ended = new Promise((resolve) => deaf.once('close', resolve));
    const long = 'x'.repeat(60_000);
    const heard = await hear('work', 101, async () => {
      for (let count = 0; count < 100; count++) {
        await sleep(1); // who reads gets to read
        await wire.model.system.change((change) => work().features.set(change, 'long', `${long}${count}`));
      }
    });
    expect(heard).toHaveLength(101);
    await vi.waitFor(async () => expect(await wire.connections()).toBeLessThanOrEqual(1));
    deaf.resume();
    await ended;
  });

  test('who goes away is forgotten at the next event', async () => {
    const listeners = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = open();
        socket.end(requestBytes('admin.Events'));
        await new Promise((resolve) => socket.once('readable', resolve));
        return socket;
      }),
    );
    expect(await wire.connections()).toBe(20);
    for (const socket of listeners) socket.destroy();
    for (const feature of ['a', 'b'])
      await wire.model.system.change((change) => work().features.set(change, feature, ''));
    await gone();
  });
});

describe('the socket', () => {
  test('is for its owner and group only', async () => {
    expect((await stat(wire.admin)).mode & 0o777).toBe(0o660);
  });

  test('that was left by another daemon is replaced', async () => {
    const path = `${wire.admin}.left`;
    const earlier = await listen(`${path}.before`, () => {});
    await rename(`${path}.before`, path); // else it would go with its server
    earlier.close();
    const server = await listen(path, (socket) => socket.end('new'));
    expect(await all(open(path).end())).toBe('new');
    server.close();
  });

  test('of a daemon that answers is left to it', async () => {
    await expect(listen(wire.admin, () => {})).rejects.toThrow('another daemon answers at');
    expect(await exchange(labels)).toBe('0\x000xcc0000');
  });

  test('cannot be made where there is no directory', async () => {
    await expect(listen(`${wire.admin}/nowhere/x.sock`, () => {})).rejects.toThrow();
  });
});
