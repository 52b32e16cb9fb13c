import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { messageOf, QubesException } from '../../src/base/errors.ts';
import { makeTemplates } from './daemon/starter.ts';
import { TestDaemon } from './daemon/test-daemon.ts';

/** The machine under the daemon fails: typed errors with a reason, the others unaffected, nothing lost or leaked. */

const MAIN = fileURLToPath(new URL('../../src/daemon/main.ts', import.meta.url));

let daemon: TestDaemon;
afterEach(() => daemon?.[Symbol.asyncDispose]());

async function withTemplates(env: Readonly<Record<string, string>> = {}): Promise<TestDaemon> {
  daemon = await TestDaemon.open({ env });
  await makeTemplates(daemon);
  return daemon;
}

function states(): Promise<Map<string, string>> {
  return daemon.client.list().then((all) => new Map(all.map(({ name, state }) => [name, state])));
}

async function uuidOf(name: string): Promise<string> {
  return (await daemon.client.domain(name).properties.get('uuid')).value;
}

/** What a call was refused with; fails the test when it was done. */
async function refusalOf(call: Promise<unknown>): Promise<QubesException> {
  const reason = await call.then(
    () => new Error('it was done'),
    (error: unknown) => error,
  );
  expect(reason).toBeInstanceOf(QubesException);
  return reason as QubesException;
}

test('a full disk: errors say so, what was acknowledged stays, and all is well once there is room', async () => {
  const mounted: string[] = [];
  try {
    daemon = await TestDaemon.open({
      prepare({ state }) {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0711', 'tmpfs', state], {
          timeout: 10_000,
        });
        mounted.push(state);
      },
    });
    const { client } = daemon;
    await client.create({ class: 'StandaloneVM', name: 'kept', label: 'red' });
    const kept = client.domain('kept');
    await kept.setFeature('when', 'before');
    await kept.setFeature('count', '-1');
    fill(`${daemon.state}/ballast`);

    let stored = 0;
    let refusal: unknown;
    while (refusal === undefined && stored < 5000) {
      refusal = await kept.setFeature('count', String(stored)).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal === undefined) stored += 1;
    }
    expect(refusal).toBeInstanceOf(QubesException);
    expect(messageOf(refusal)).toMatch(/disk full/);
    const creation = await refusalOf(client.create({ class: 'StandaloneVM', name: 'unborn', label: 'red' }));
    expect(creation.message).toMatch(/disk full/);
    expect([...(await states()).keys()].sort()).toEqual(['dom0', 'kept']);
    expect(await kept.feature('count')).toBe(String(stored - 1));

    await daemon.restart();
    expect(await kept.feature('count'), 'also on a disk that is still full').toBe(String(stored - 1));
    expect((await refusalOf(kept.setFeature('when', 'full'))).message).toMatch(/disk full/);

    rmSync(`${daemon.state}/ballast`);
    await kept.setFeature('when', 'after');
    await client.create({ class: 'StandaloneVM', name: 'born', label: 'red' });
    await daemon.restart();
    expect([...(await states()).keys()].sort()).toEqual(['born', 'dom0', 'kept']);
    expect(await kept.feature('when')).toBe('after');
    expect(await daemon.problems()).toEqual([]);
  } finally {
    await daemon?.kill();
    for (const place of mounted) execFileSync('umount', ['-l', place], { timeout: 10_000 });
  }
});

/** Leaves not one block free. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [65_536, 4096]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if (!messageOf(error).includes('ENOSPC')) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

test('without a runtime the daemon serves, and says what is missing to who starts a domain', async () => {
  await withTemplates({ BULKHEAD_OCI_RUNTIME: '/nowhere/runc' });
  await daemon.client.create({ class: 'AppVM', name: 'work', label: 'red' });
  const refusal = await refusalOf(daemon.client.domain('work').start());
  expect(refusal.message).toMatch(/\/nowhere\/runc/);
  expect(await daemon.client.text('bulkhead.Status')).toMatch(/\/nowhere\/runc/);
  expect((await states()).get('work')).toBe('Halted');
  expect(await daemon.problems()).toEqual([]);
  expect(await daemon.host.settledLeftovers([], daemon.pid)).toEqual([]);
  // With one, it starts: nothing of the failure sticks.
  daemon.env = {};
  await daemon.restart();
  await daemon.client.domain('work').start();
  expect((await states()).get('work')).toBe('Running');
});

test('a runtime that hangs fails that domain at its deadline; all others go on as ever', async () => {
  await withTemplates();
  const runtime = `${daemon.directory}/runtime`;
  // Hangs for one domain; runc for every other.
  writeFileSync(
    runtime,
    `#!/bin/sh
for word in "$@"; do
  [ -f "$word/config.json" ] && grep -q '"hostname":"stuck"' "$word/config.json" && exec sleep 1000
done
exec runc "$@"
`,
  );
  chmodSync(runtime, 0o755);
  daemon.env = { BULKHEAD_OCI_RUNTIME: runtime };
  await daemon.restart();
  const { client } = daemon;
  for (const name of ['stuck', 'fine']) await client.create({ class: 'AppVM', name, label: 'red' });
  const begun = performance.now();
  const starting = refusalOf(client.domain('stuck').start());
  await expect.poll(async () => (await states()).get('stuck')).toBe('Transient');

  const times: number[] = [];
  for (let round = 0; round < 40; round++) {
    const asked = performance.now();
    await client.list();
    await client.domain('fine').properties.get('memory');
    times.push((performance.now() - asked) / 2);
  }
  expect(times.sort((a, b) => a - b)[20]).toBeLessThan(20);
  await client.domain('fine').start();
  expect(await daemon.shell('fine', 'hostname')).toBe('fine\n');
  await client.domain('fine').shutdown({ wait: true });
  expect((await states()).get('stuck'), 'all this while the other hung').toBe('Transient');

  expect((await starting).message).toMatch(/did not answer within/);
  expect(performance.now() - begun).toBeLessThan(60_000);
  expect((await states()).get('stuck')).toBe('Halted');
  expect(await daemon.problems()).toEqual([]);
  expect(await daemon.host.settledLeftovers([], daemon.pid)).toEqual([]);
}, 120_000);

test('a domain whose init dies is halted, cleaned up after and announced', async () => {
  await withTemplates();
  const { client } = daemon;
  await client.create({ class: 'AppVM', name: 'work', label: 'red' });
  await client.domain('work').start();
  const events: string[] = [];
  const stop = new AbortController();
  const listening = (async () => {
    for await (const { subject, name } of client.events('dom0', stop.signal))
      if (subject === 'work') events.push(name);
  })();
  await sleep(100);
  const command = daemon.exec('work', ['sleep', '1000']);
  await expect.poll(async () => daemon.host.processesOf(await uuidOf('work')).length).toBeGreaterThan(1);
  const [init] = daemon.host.processesOf(await uuidOf('work'));
  process.kill(init as number, 'SIGKILL');
  await expect(command).rejects.toBeInstanceOf(QubesException);
  await expect.poll(() => events).toEqual(['domain-stopped', 'domain-shutdown']);
  expect((await states()).get('work')).toBe('Halted');
  expect(await daemon.host.settledLeftovers([], daemon.pid)).toEqual([]);
  await client.domain('work').start();
  expect(await daemon.shell('work', 'echo again')).toBe('again\n');
  stop.abort();
  await listening;
});

test('an init that dies while no daemon looks is found out at the next start', async () => {
  await withTemplates();
  await daemon.client.create({ class: 'AppVM', name: 'work', label: 'red' });
  await daemon.client.domain('work').start();
  const [init] = daemon.host.processesOf(await uuidOf('work'));
  await daemon.kill();
  process.kill(init as number, 'SIGKILL');
  await daemon.start();
  expect((await states()).get('work')).toBe('Halted');
  expect(await daemon.host.settledLeftovers([], daemon.pid)).toEqual([]);
});

test('a second daemon on the same state, or on the same sockets, refuses and harms nothing', async () => {
  daemon = await TestDaemon.open();
  const { state, run, directory } = daemon;
  const others = [
    { BULKHEAD_STATE: state, BULKHEAD_RUN: `${directory}/run2` },
    { BULKHEAD_STATE: state, BULKHEAD_RUN: run },
    { BULKHEAD_STATE: `${directory}/state2`, BULKHEAD_RUN: run },
  ];
  for (const env of others) {
    const { code, stderr } = await runDaemon(env);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/^bulkhead daemon: .*another daemon/m);
    expect(stderr).not.toMatch(/^\s+at /m);
  }
  await daemon.client.domain('dom0').setFeature('still', 'here');
  expect(JSON.parse(await daemon.client.text('bulkhead.Status')).pid).toBe(daemon.pid);
});

/** A daemon that is expected to end by itself. */
function runDaemon(env: Readonly<Record<string, string>>): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [MAIN],
      { env: { ...process.env, ...env }, timeout: 20_000 },
      (error, _stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, stderr }),
    );
  });
}

test('a log that cannot be written does not stop the daemon', async () => {
  daemon = await TestDaemon.open({ log: '/dev/full' });
  await daemon.client.create({ class: 'TemplateVM', name: 'host', label: 'red' });
  await daemon.client.call('bulkhead.template.Build', 'host', 'host');
  await daemon.client.create({ class: 'AppVM', name: 'work', label: 'red', template: 'host' });
  await daemon.client.domain('work').start();
  await daemon.restart();
  expect((await states()).get('work')).toBe('Running');
  await daemon.client.domain('work').kill();
  await daemon.client.domain('work').remove();
});
