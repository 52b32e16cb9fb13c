import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Execution } from '../../src/client/exec.ts';
import { makeTemplates } from '../integration/daemon/starter.ts';
import { TestDaemon } from '../integration/daemon/test-daemon.ts';

/** A disposable leaves nothing, however it ends. */

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url));
let daemon: TestDaemon;
let before: readonly string[];

beforeAll(async () => {
  daemon = await TestDaemon.open();
  await makeTemplates(daemon);
  await daemon.exec('@dispvm', ['true']); // the first makes the directories for all
  while ((await daemon.client.list()).length > 3 || readdirSync(`${daemon.state}/pool/.trash`).length > 0)
    await sleep(20);
  before = filesOfTheSystem();
}, 120_000);
afterAll(() => daemon?.[Symbol.asyncDispose]());

function tool(name: string, args: readonly string[], input = ''): string {
  return execFileSync(`${BIN}${name}`, args, {
    env: daemon.toolEnv,
    input,
    encoding: 'utf8',
    timeout: 30_000,
  });
}

/** Names below the state and run directories, layers not looked into. */
function filesOfTheSystem(): string[] {
  return [...below(`${daemon.state}/pool`), ...below(daemon.run)].sort();
}

function below(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const own = `${path}/${entry.name}`;
    return entry.isDirectory() && !path.endsWith('/.layers') ? [own, ...below(own)] : [own];
  });
}

async function expectNothingLeft(): Promise<void> {
  const names = async () => (await daemon.client.list()).map(({ name }) => name);
  await expect.poll(names, { timeout: 10_000 }).toEqual(['dom0', 'dvm', 'host']);
  expect(await daemon.host.settledLeftovers([], daemon.pid)).toEqual([]);
  await expect.poll(filesOfTheSystem, { timeout: 10_000 }).toEqual(before);
  expect(await daemon.problems()).toEqual([]);
}

/** A disposable that waits for its input to end, its uuid, and how to let it end. */
async function waiting(): Promise<{ uuid: string; execution: Execution; input: PassThrough }> {
  const input = new PassThrough();
  const execution = await Execution.begin(
    { domain: '@dispvm', command: ['sh', '-c', 'echo x > /home/user/x; echo x > /etc/x; sleep 999 & cat'] },
    { stdin: input },
    daemon.execSocket,
  );
  const disposable = async () =>
    (await daemon.client.list()).find(({ name, state }) => name.startsWith('disp') && state === 'Running');
  await expect.poll(disposable, { timeout: 10_000 }).toBeDefined();
  const uuid = (await disposable())?.uuid ?? '';
  daemon.host.expect([uuid]);
  await expect.poll(() => daemon.host.processesOf(uuid).length).toBeGreaterThan(2);
  expect(daemon.host.groups()).not.toEqual([]);
  return { uuid, execution, input };
}

test('qvm-run --dispvm gives its output and leaves nothing', async () => {
  expect(tool('qvm-run', ['--pass-io', '--dispvm=dvm', 'cat'], 'hi\n')).toBe('hi\n');
  await expectNothingLeft();
  expect(tool('qvm-ls', ['--raw-list']).trim().split('\n').sort()).toEqual(['dom0', 'dvm', 'host']);
});

test('a disposable whose command ends leaves nothing', async () => {
  const { execution, input } = await waiting();
  input.end();
  expect(await execution.exitCode).toBe(0);
  await expectNothingLeft();
});

test('a disposable whose client goes away leaves nothing', async () => {
  const { execution } = await waiting();
  execution.exitCode.catch(() => {});
  execution.close();
  await expectNothingLeft();
});

test('a disposable whose client goes away while it starts leaves nothing', async () => {
  for (const delay of [0, 20, 60]) {
    const execution = await Execution.begin(
      { domain: '@dispvm', command: ['sleep', '999'] },
      {},
      daemon.execSocket,
    );
    execution.exitCode.catch(() => {});
    await sleep(delay);
    execution.close();
    await sleep(500); // it has been started by then
    await expectNothingLeft();
  }
});

test('a disposable that is killed leaves nothing', async () => {
  const { execution, uuid } = await waiting();
  const ended = execution.exitCode.catch((error: unknown) => error);
  await daemon.client.domain(`uuid:${uuid}`).kill();
  await ended;
  await expectNothingLeft();
});

test('a disposable whose init dies leaves nothing', async () => {
  const { execution, uuid } = await waiting();
  const ended = execution.exitCode.catch((error: unknown) => error);
  process.kill(daemon.host.processesOf(uuid)[0] as number, 'SIGKILL');
  await ended;
  await expectNothingLeft();
});

test('a disposable that cannot start leaves nothing', async () => {
  await daemon.client.domain('dvm').properties.set('virt_mode', 'pvh');
  await expect(daemon.exec('@dispvm', ['true'])).rejects.toThrow(/virt_mode 'pvh'/);
  await daemon.client.domain('dvm').properties.reset('virt_mode');
  await expectNothingLeft();
});

test('a disposable that ran when the daemon was killed leaves nothing', async () => {
  const { execution } = await waiting();
  const ended = execution.exitCode.catch((error: unknown) => error);
  await daemon.restart();
  await ended;
  await expectNothingLeft();
});

test('nothing of all these is in the durable state', async () => {
  await daemon.kill();
  {
    using database = new DatabaseSync(`${daemon.state}/qubes.db`, { readOnly: true });
    const rows = database.prepare("SELECT key, xml FROM record WHERE key NOT LIKE 'label/%'").all();
    const keys = rows.map(({ key }) => String(key).replace(/\/.*/, '')).sort();
    expect(keys).toEqual(['domain', 'domain', 'pool', 'system']);
    expect(JSON.stringify(rows)).not.toMatch(/>disp\d/);
  }
  await daemon.start();
});
