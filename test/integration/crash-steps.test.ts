import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeTemplates } from './daemon/starter.ts';
import { TestDaemon } from './daemon/test-daemon.ts';

/** The daemon is killed at a step of an operation that can be seen from outside; the next one finishes or undoes it. */

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.open();
  await makeTemplates(daemon);
}, 120_000);
afterAll(() => daemon?.[Symbol.asyncDispose]());

const NAME = 'stepper';

/** What is there of the domain on the machine. */
interface Traces {
  /** Its volumes and what lies beside them in the pool. */
  readonly pool: string;
  /** What its engine keeps of it. */
  readonly place: string;
  readonly runtime: string;
  readonly groups: () => readonly string[];
}

function tracesOf(uuid: string): Traces {
  return {
    pool: `${daemon.state}/pool/appvms/${NAME}`,
    place: `${daemon.run}/oci/domains/${uuid}`,
    runtime: `${daemon.run}/oci/runtime/${uuid}`,
    groups: () => daemon.host.groups(),
  };
}

type Moment = readonly [what: string, isNow: (traces: Traces) => boolean];

/** Kills the daemon as soon as `isNow`, or once the operation has been answered. Returns whether it was answered. */
async function killWhen(traces: Traces, isNow: Moment[1], operation: Promise<unknown>): Promise<boolean> {
  let answered = false;
  const settled = operation.then(
    () => {
      answered = true;
    },
    () => {},
  );
  for (let over = false; !over && !isNow(traces); ) {
    over = await Promise.race([settled.then(() => true), nextLook()]);
  }
  // The answer may be on its way: what is known of it when the daemon is gone counts.
  await daemon.kill();
  await settled;
  return answered;
}

/** As often as can be. */
function nextLook(): Promise<false> {
  return new Promise((resolve) => setImmediate(() => resolve(false)));
}

async function stateOf(): Promise<string | undefined> {
  return (await daemon.client.list()).find(({ name }) => name === NAME)?.state;
}

async function uuidOf(): Promise<string> {
  return (await daemon.client.list()).find(({ name }) => name === NAME)?.uuid ?? '';
}

async function expectSound(): Promise<void> {
  const state = await stateOf();
  const uuid = await uuidOf();
  const running = state === 'Running' ? [uuid] : [];
  expect(await daemon.problems()).toEqual([]);
  expect(await daemon.host.settledLeftovers(running, daemon.pid)).toEqual([]);
  if (state === undefined) expect(existsSync(`${daemon.state}/pool/appvms/${NAME}`)).toBe(false);
  if (state === 'Running') expect(await daemon.shell(NAME, 'cat /home/user/kept')).toBe('kept\n');
  if (state === 'Halted') {
    await daemon.client.domain(NAME).start();
    await daemon.client.domain(NAME).kill();
  }
}

/** A halted domain with something in its home. */
async function freshDomain(): Promise<string> {
  await discard();
  await daemon.client.create({ class: 'AppVM', name: NAME, label: 'red' });
  await daemon.client.domain(NAME).start();
  await daemon.shell(NAME, 'echo kept > /home/user/kept');
  await daemon.client.domain(NAME).shutdown({ wait: true });
  const uuid = await uuidOf();
  daemon.host.expect([uuid]);
  return uuid;
}

async function discard(): Promise<void> {
  const state = await stateOf();
  if (state === undefined) return;
  if (state !== 'Halted') await daemon.client.domain(NAME).kill();
  await daemon.client.domain(NAME).remove();
}

function names(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path}`);
}

const START: readonly Moment[] = [
  ['asked', () => true],
  ['its private volume is started', ({ pool }) => existsSync(`${pool}/private/.run`)],
  ['its root is a snapshot', ({ pool }) => existsSync(`${pool}/root/.run`)],
  ['its place is made', ({ place }) => existsSync(place)],
  ['its root is mounted', ({ place }) => isMounted(`${place}/rootfs `)],
  ["its agent's socket is there", ({ place }) => existsSync(`${place}/agent.sock`)],
  ['its control groups are made', ({ groups }) => groups().length > 0],
  ['the runtime has written its state', ({ runtime }) => existsSync(`${runtime}/state.json`)],
  ['the runtime waits to start it', ({ runtime }) => existsSync(`${runtime}/exec.fifo`)],
  [
    'its first process runs',
    ({ runtime }) => existsSync(`${runtime}/state.json`) && !existsSync(`${runtime}/exec.fifo`),
  ],
  ['answered', () => false],
];

test.each(START)('start, killed when %s', async (_what, isNow) => {
  const uuid = await freshDomain();
  const answered = await killWhen(tracesOf(uuid), isNow, daemon.client.domain(NAME).start());
  const begun = performance.now();
  await daemon.start();
  expect(performance.now() - begun, 'milliseconds until it answers').toBeLessThan(10_000);
  expect(['Halted', 'Running']).toContain(await stateOf());
  if (answered) expect(await stateOf()).toBe('Running');
  await expectSound();
});

const STOP: readonly Moment[] = [
  ['asked', () => true],
  ['the runtime has forgotten it', ({ runtime }) => !existsSync(runtime)],
  ['its control groups are gone', ({ groups }) => groups().length === 0],
  ['its place is gone', ({ place }) => !existsSync(place)],
  ['its private volume is stopped', ({ pool }) => !existsSync(`${pool}/private/.run`)],
  ['its root is gone', ({ pool }) => !existsSync(`${pool}/root`)],
  ['answered', () => false],
];

test.each([
  ...STOP.filter((_, step) => step % 3 === 0).map((moment) => ['shutdown', ...moment] as const),
  ...STOP.map((moment) => ['kill', ...moment] as const),
])('%s, killed when %s', async (verb, _what, isNow) => {
  const uuid = await freshDomain();
  const domain = daemon.client.domain(NAME);
  await domain.start();
  const stopping = verb === 'kill' ? domain.kill() : domain.shutdown({ wait: true });
  const answered = await killWhen(tracesOf(uuid), isNow, stopping);
  await daemon.start();
  if (answered) expect(await stateOf()).toBe('Halted');
  // One that got as far as being asked to shut down is found running, and ends a moment later.
  for (let look = 0; verb === 'shutdown' && look < 50 && (await stateOf()) !== 'Halted'; look++)
    await sleep(20);
  expect(['Halted', 'Running']).toContain(await stateOf());
  await expectSound();
});

const CREATE: readonly Moment[] = [
  ['asked', () => true],
  ["its volume's directory is made", ({ pool }) => existsSync(`${pool}/private`)],
  ['its volume is there', ({ pool }) => existsSync(`${pool}/private/.volume`)],
  ['answered', () => false],
];

test.each(CREATE)('create, killed when %s', async (_what, isNow) => {
  await discard();
  const creation = daemon.client.create({ class: 'AppVM', name: NAME, label: 'red' });
  const answered = await killWhen(tracesOf('-'), isNow, creation);
  await daemon.start();
  if (answered) expect(await stateOf()).toBe('Halted');
  await expectSound();
});

const REMOVE: readonly Moment[] = [
  ['asked', () => true],
  ['its volume is going', ({ pool }) => !existsSync(`${pool}/private/.volume`)],
  ['its volume is gone', ({ pool }) => !existsSync(`${pool}/private`)],
  ['answered', () => false],
];

test.each(REMOVE)('remove, killed when %s', async (_what, isNow) => {
  const uuid = await freshDomain();
  const answered = await killWhen(tracesOf(uuid), isNow, daemon.client.domain(NAME).remove());
  await daemon.start();
  if (answered) expect(await stateOf()).toBeUndefined();
  await expectSound();
});

const BUILD: readonly Moment[] = [
  ['asked', () => true],
  ['it is being filled', () => names(`${daemon.state}/pool/.new`).length > 0],
  [
    'its layer is there',
    () => names(`${daemon.state}/pool/.layers`).some((name) => name.startsWith('vm-templates+other')),
  ],
];

test.each(BUILD)('building a template, killed when %s', async (_what, isNow) => {
  const { client } = daemon;
  await client.create({ class: 'TemplateVM', name: 'other', label: 'black' });
  await killWhen(tracesOf('-'), isNow, client.call('bulkhead.template.Build', 'other', 'host'));
  await daemon.start();
  expect(await daemon.problems()).toEqual([]);
  await expect.poll(() => names(`${daemon.state}/pool/.new`), { timeout: 20_000 }).toEqual([]);
  await client.domain('other').remove();
  const left = () =>
    names(`${daemon.state}/pool/.layers`).filter((name) => name.startsWith('vm-templates+other'));
  await expect.poll(left, { timeout: 20_000 }).toEqual([]);
});
