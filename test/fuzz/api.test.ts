import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Frame } from '../../src/base/frames.ts';
import { Random } from '../integration/daemon/random.ts';
import { TestDaemon } from '../integration/daemon/test-daemon.ts';
import { exchangeRaw, faultOf } from '../integration/daemon/wire.ts';
import { anyRequest } from './api-requests.ts';

/** Whatever is sent, the daemon answers, with a result or a typed refusal, and goes on. No engine: nothing starts. */

const CALLS = 50_000;
const AT_ONCE = 16;
const DEADLINE_MS = 30_000;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.open({ env: { BULKHEAD_OCI_RUNTIME: '/nowhere/runc' } });
  await populate();
});
afterAll(() => daemon[Symbol.asyncDispose]());

/** Makes what the requests are about, or what of it they have removed. */
async function populate(): Promise<void> {
  const { client } = daemon;
  const there = new Set((await client.list()).map(({ name }) => name));
  const make = async (type: string, name: string, template = 'base') => {
    if (!there.has(name)) await client.create({ class: type, name, label: 'red', template });
  };
  await make('TemplateVM', 'base', '');
  for (const name of ['one', 'two', 'dvm']) await make('AppVM', name);
  await make('NetVM', 'net');
  await client.domain('dvm').properties.set('template_for_dispvms', 'True');
}

/** The answer, or that there was none in time. */
async function answerTo(bytes: Buffer): Promise<Buffer> {
  const late = sleep(DEADLINE_MS, Buffer.from('no answer in time'), { ref: false });
  return Promise.race([exchangeRaw(daemon.socket, bytes), late]);
}

/** Kilobytes. */
function residentMemory(): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]);
}

function defectsLogged(): string[] {
  return daemon.log
    .split('\n')
    .filter((line) => /reason of ours|handler failed|Unhandled|at .*\.ts:/.test(line));
}

/** Everything that is stored, as the daemon tells it. */
async function wholeState(): Promise<unknown> {
  const { client } = daemon;
  const [all, labels, system] = await Promise.all([
    client.describe({}),
    client.labels(),
    client.properties.getAll(),
  ]);
  // A disposable that nobody started does not outlive the daemon.
  const domains = all.filter(({ properties }) => properties['auto_cleanup']?.value !== 'True');
  const notes = await Promise.all(domains.map(({ name }) => client.domain(name).notes()));
  return { domains, labels, system: [...system], notes };
}

test(`${CALLS} requests, right, wrong and absurd: each is answered, and nothing is worse for it`, async () => {
  const random = Random.fromEnvironment();
  console.log(`api fuzz: BULKHEAD_TEST_SEED=${random.seed}`);
  let sent = 0;
  let done = 0;
  const sendThrough = async (limit: number) => {
    while (sent < limit) {
      sent += 1;
      const bytes = anyRequest(random);
      const answer = await answerTo(bytes);
      const fault = faultOf(answer);
      if (fault !== undefined)
        throw new Error(`${fault}\nto ${JSON.stringify(bytes.toString('latin1').slice(0, 400))}`);
      if (answer[0] === 0x30) done += 1;
    }
  };
  const sendAll = (limit: number) => Promise.all(Array.from({ length: AT_ONCE }, () => sendThrough(limit)));

  const resident: number[] = [];
  for (let limit = CALLS / 50; limit <= CALLS; limit += CALLS / 50) {
    await populate();
    await sendAll(limit);
    if (limit % (CALLS / 5) === 0) resident.push(residentMemory());
  }
  console.log(`api fuzz: ${done} of ${sent} done; resident after each fifth: ${resident.join(', ')} kB`);

  expect(done, 'else nothing was tried').toBeGreaterThan(CALLS / 10);
  const [, early = 0] = resident;
  expect(resident.at(-1), 'kilobytes').toBeLessThan(early + 50_000);
  expect(defectsLogged()).toEqual([]);
  expect(await daemon.problems()).toEqual([]);
  expect(await daemon.host.settledLeftovers([], daemon.pid)).toEqual([]);
  // One that was told to start with the system would try to, after the restart.
  for (const { name } of await daemon.client.list())
    if (name !== 'dom0') await daemon.client.domain(name).properties.set('autostart', 'False');
  const before = await wholeState();
  await daemon.restart();
  expect(await wholeState()).toEqual(before);
  expect(await daemon.problems()).toEqual([]);
}, 180_000);

test('bytes at random, in any length, are refused by type', async () => {
  const header = fc.stringMatching(/^[ -~]{0,80}$/);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((noise) => Buffer.from(noise)),
    fc
      .tuple(header, fc.uint8Array({ maxLength: 300 }))
      .map(([head, rest]) => Buffer.concat([Buffer.from(`${head}\0`), rest])),
    fc
      .tuple(fc.integer({ min: 65_000, max: 200_000 }), fc.nat(255))
      .map(([length, byte]) => Buffer.alloc(length, byte)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (sent) => {
      const answer = await answerTo(sent);
      expect(faultOf(answer)).toBeUndefined();
      expect(answer[0]).toBe(0x32);
    }),
    { numRuns: 500 },
  );
  expect(defectsLogged()).toEqual([]);
}, 60_000);

test('whatever comes on exec.sock is answered by an error frame', async () => {
  const json = fc.oneof(
    fc.json(),
    fc
      .record(
        {
          domain: fc.oneof(
            fc.constantFrom('one', 'dom0', '@dispvm', '@dispvm:one', '@dispvm:', 'uuid:x'),
            fc.string(),
            fc.jsonValue(),
          ),
          command: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
          user: fc.oneof(fc.string(), fc.jsonValue()),
          cwd: fc.oneof(fc.string(), fc.jsonValue()),
          console: fc.boolean(),
          autostart: fc.boolean(),
          terminal: fc.oneof(
            fc.record({ rows: fc.integer(), columns: fc.integer(), type: fc.string() }),
            fc.jsonValue(),
          ),
        },
        { requiredKeys: [] },
      )
      .map((wish) => JSON.stringify(wish)),
  );
  const frame = fc
    .tuple(
      fc.oneof(fc.constant<number>(Frame.request), fc.nat(255)),
      json,
      fc.oneof(fc.constant(0), fc.integer({ min: -9, max: 70_000 })),
    )
    .map(([type, text, lie]) => {
      const payload = Buffer.from(text);
      const head = Buffer.alloc(5);
      head[0] = type;
      head.writeUInt32BE(Math.max(0, payload.length + lie), 1);
      return Buffer.concat([head, payload]);
    });
  const bytes = fc.oneof(
    frame,
    fc.uint8Array({ maxLength: 100 }).map((noise) => Buffer.from(noise)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (sent) => {
      const late = sleep(DEADLINE_MS, Buffer.from('no answer in time'), { ref: false });
      const answer = await Promise.race([exchangeRaw(daemon.execSocket, sent), late]);
      expect(answer[0]).toBe(Frame.error);
      expect(answer.length).toBe(5 + answer.readUInt32BE(1));
      const [type = '', message = ''] = answer.subarray(5).toString().split('\0');
      expect(faultOf(Buffer.from(`2\0${type}\0\0${message}\0`))).toBeUndefined();
    }),
    { numRuns: 500 },
  );
  expect(defectsLogged()).toEqual([]);
  expect(await daemon.problems()).toEqual([]);
}, 60_000);
