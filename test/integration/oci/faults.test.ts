import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { QubesException, QubesVMNotRunningError } from '../../../src/base/errors.ts';
import type { DomainSpec } from '../../../src/hypervisor/hypervisor.ts';
import { runProgram } from '../../../src/hypervisor/oci/run-program.ts';
import { engine, shell, Workshop } from './fixture.ts';

/** What goes wrong around containers: each time a typed error with a reason, and nothing left behind. */

let workshop: Workshop;
beforeEach(async () => {
  workshop = await Workshop.open();
});
afterEach(() => workshop[Symbol.asyncDispose]());

/** Host processes with the workshop's directory on their command line. */
async function processesOf(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(directory) && Number(pid) !== process.pid) found.push(line.replaceAll('\0', ' '));
  }
  return found;
}

async function expectNothingLeft(): Promise<void> {
  expect(await workshop.leftovers()).toEqual([]);
  await expect.poll(() => processesOf(join(workshop.directory, 'run')), { timeout: 3000 }).toEqual([]);
}

async function initOf({ uuid }: DomainSpec): Promise<number> {
  const state = await readFile(join(workshop.directory, 'run/runtime', uuid, 'state.json'), 'utf8');
  return JSON.parse(state).init_process_pid;
}

/** A runtime that says it is runc and then does what `body` says. */
async function fakeRuntime(body: string): Promise<string> {
  const path = join(workshop.directory, 'fake-runtime');
  await writeFile(
    path,
    `#!/bin/sh\ncase "$1" in --version) echo "runc version 1.1.5"; exit;; esac\n${body}\n`,
  );
  await chmod(path, 0o755);
  return path;
}

test('a runtime that is not there is named, with the remedy', async () => {
  await using broken = engine(workshop.directory, { runtime: '/nowhere/runc' });
  expect(await broken.missing()).toEqual([expect.stringMatching(/'\/nowhere\/runc'.*setup-host/)]);
  const start = broken.start(await workshop.spec());
  await expect(start).rejects.toThrow(/\/nowhere\/runc/);
  await expect(start).rejects.toBeInstanceOf(QubesException);
  await expectNothingLeft();
});

test('an agent that is not built is named, with the remedy', async () => {
  await using broken = engine(workshop.directory, { agent: '/nowhere/agent' });
  expect(await broken.missing()).toEqual([expect.stringMatching(/'\/nowhere\/agent'.*setup-host/)]);
});

test('a runtime that is no runc is refused', async () => {
  await using broken = engine(workshop.directory, { runtime: '/bin/true' });
  expect(await broken.missing()).toEqual([expect.stringMatching(/neither runc nor crun/)]);
});

test('a runtime that hangs is given up at its deadline, with all it started', async () => {
  const runtime = await fakeRuntime(`sleep 1000 & exec sh -c 'sleep 1000; true ${workshop.directory}/run'`);
  await using hanging = engine(workshop.directory, { runtime, deadline: 500 });
  const begun = performance.now();
  const start = hanging.start(await workshop.spec());
  await expect(start).rejects.toThrow(/did not answer within 500 ms/);
  await expect(start).rejects.toBeInstanceOf(QubesException);
  expect(performance.now() - begun).toBeLessThan(2500);
  await expectNothingLeft();
});

test('a runtime that hangs keeps nobody else waiting', async () => {
  const runtime = await fakeRuntime('sleep 1000');
  await using hanging = engine(workshop.directory, { runtime, deadline: 1000 });
  const stuck = hanging.start(await workshop.spec()).catch(() => 'gave up');
  const spec = await workshop.spec();
  let longest = 0;
  let last = performance.now();
  const pulse = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  await workshop.hypervisor.start(spec);
  expect((await shell(workshop.hypervisor, spec, 'echo well')).stdout).toBe('well\n');
  expect(await stuck).toBe('gave up');
  clearInterval(pulse);
  expect(longest).toBeLessThan(200);
});

test('a runtime that fails is quoted', async () => {
  const runtime = await fakeRuntime('echo "no such thing as a container" >&2; exit 3');
  await using failing = engine(workshop.directory, { runtime });
  await expect(failing.start(await workshop.spec())).rejects.toThrow(/exit 3.*no such thing as a container/);
  await expectNothingLeft();
});

test('a runtime that succeeds without a container is found out', async () => {
  const runtime = await fakeRuntime('exit 0');
  await using lying = engine(workshop.directory, { runtime, deadline: 2000 });
  await expect(lying.start(await workshop.spec())).rejects.toThrow(/agent/);
  await expectNothingLeft();
});

test('volumes that a container cannot take are refused', async () => {
  const spec = await workshop.spec();
  const block = { kind: 'block', path: '/dev/null', format: 'raw', readonly: true } as const;
  const { root, ...others } = spec.volumes;
  const { hypervisor } = workshop;
  await expect(hypervisor.start({ ...spec, volumes: { ...others, root: block } })).rejects.toThrow(/block/);
  await expect(hypervisor.start({ ...spec, volumes: others })).rejects.toThrow(/no root volume/);
  if (!root) throw new Error('the fixture has a root volume');
  await expect(hypervisor.start({ ...spec, volumes: { root, private: block } })).rejects.toThrow(/block/);
  await expect(hypervisor.start({ ...spec, defaultUser: 'a:b' })).rejects.toThrow(/a:b/);
  await expectNothingLeft();
});

test('a root volume that is not there is an error that names it', async () => {
  const spec = await workshop.spec();
  const lower = [{ path: join(workshop.directory, 'gone'), idStart: 0 }];
  const volumes = { root: { kind: 'tree', mounts: [{ target: '/', lower }] } } as const;
  await expect(workshop.hypervisor.start({ ...spec, volumes })).rejects.toThrow(/gone.*ENOENT/);
  await expectNothingLeft();
});

test('an init that dies is told quickly, once nothing of the domain runs', async () => {
  const spec = await workshop.started();
  const { hypervisor } = workshop;
  const { promise: stopped, resolve } = Promise.withResolvers<string>();
  using _ = hypervisor.onStopped(resolve);
  const stream = await hypervisor.exec(spec.uuid, { argv: ['sleep', '1000'] });
  stream.on('error', () => undefined).resume();
  await sleep(50);
  const begun = performance.now();
  process.kill(await initOf(spec), 'SIGKILL');
  expect(await stopped).toBe(spec.uuid);
  expect(performance.now() - begun).toBeLessThan(250);
  expect(await hypervisor.adopt(spec.uuid)).toBe('halted');
  await expect(hypervisor.exec(spec.uuid, { argv: ['true'] })).rejects.toBeInstanceOf(QubesVMNotRunningError);
  await hypervisor.cleanUp(spec.uuid);
  await expectNothingLeft();
});

test('a paused domain is adopted paused', async () => {
  const spec = await workshop.started();
  await workshop.hypervisor.pause(spec.uuid);
  await using next = engine(workshop.directory);
  expect(await next.adopt(spec.uuid)).toBe('paused');
  await next.unpause(spec.uuid);
  expect((await shell(next, spec, 'echo woken')).stdout).toBe('woken\n');
});

test('run directories with long paths work', async () => {
  const long = join(workshop.directory, 'x'.repeat(100), 'y'.repeat(100));
  await mkdir(long, { recursive: true, mode: 0o711 });
  await using deep = engine(workshop.directory, { runDirectory: long });
  const spec = await workshop.spec();
  await deep.start(spec);
  expect((await shell(deep, spec, 'echo deep')).stdout).toBe('deep\n');
  await deep.cleanUp(spec.uuid);
  expect(await readdir(join(long, 'domains'))).toEqual([]);
});

test('a run directory whose mounts are shared with other namespaces stays clean', async () => {
  const shared = join(workshop.directory, 'shared');
  await mkdir(shared, { mode: 0o711 });
  await runProgram(['mount', '--bind', shared, shared], { deadline: 5000 });
  try {
    await runProgram(['mount', '--make-shared', shared], { deadline: 5000 });
    await using other = engine(workshop.directory, { runDirectory: shared });
    const spec = await workshop.spec();
    await other.start(spec);
    expect((await workshop.leftovers()).filter((line) => line.includes('/rootfs'))).toEqual([]);
    expect((await shell(other, spec, 'echo kept > ~/kept; cat ~/kept; ls /usr/bin/env')).stdout).toBe(
      'kept\n/usr/bin/env\n',
    );
    await other.cleanUp(spec.uuid);
  } finally {
    await runProgram(['umount', shared], { deadline: 5000 });
  }
  await expectNothingLeft();
});

test('a daemon killed at any moment leaves nothing that cannot be cleaned up', async () => {
  const spec = await workshop.spec();
  for (let round = 0; round < 30; round++) {
    const phase = ['start', 'kill', 'clean'][round % 3] ?? 'start';
    const daemon = spawn(
      process.execPath,
      [join(import.meta.dirname, 'start-then-die.ts'), workshop.directory, JSON.stringify(spec)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    daemon.stdout.on('data', (chunk: Buffer) => chunk.includes(phase) && resolve());
    await reached;
    // Over the whole of a start, which takes some 100 ms the first time, and of the two shorter steps.
    await sleep(Math.floor(round / 3) * (phase === 'start' ? 12 : 2));
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');

    await using next = engine(workshop.directory);
    const state = await next.adopt(spec.uuid);
    if (state === 'running') expect((await shell(next, spec, 'echo well')).stdout).toBe('well\n');
    await next.cleanUp(spec.uuid);
    await expectNothingLeft();
  }
}, 120_000);

test('a pipe in place of /etc/passwd or /etc/group keeps no command waiting', async () => {
  const spec = await workshop.started();
  const asRoot = (script: string) => shell(workshop.hypervisor, spec, script, { user: 'root' });
  expect(await asRoot('rm /etc/group; mkfifo /etc/group; id -u')).toMatchObject({ code: 0, stdout: '0\n' });
  expect(await asRoot('rm /etc/passwd; mkfifo /etc/passwd')).toMatchObject({ code: 0 });
  expect(await asRoot('true')).toMatchObject({ error: expect.stringContaining('no such user') });
});
