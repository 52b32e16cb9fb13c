import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CrashClient } from './daemon/crash-clients.ts';
import { type DomainModel, observe } from './daemon/model.ts';
import { Random } from './daemon/random.ts';
import { makeTemplates } from './daemon/starter.ts';
import { TestDaemon } from './daemon/test-daemon.ts';

const KILLS = 200;
const CLIENTS = 4;
const NETVM = 'net0';
/** Not the clients': always there. */
const FIXED = ['host', 'dvm'];

test(`killed ${KILLS} times at random, the daemon loses nothing acknowledged and leaks nothing`, async () => {
  const random = Random.fromEnvironment();
  console.log(`crash loop: BULKHEAD_TEST_SEED=${random.seed}`);
  await using daemon = await TestDaemon.open();
  await makeTemplates(daemon);
  const clean = poolContent(daemon);
  await daemon.client.create({ class: 'NetVM', name: NETVM, label: 'red', template: 'host' });
  const clients = Array.from({ length: CLIENTS }, (_, number) => {
    const names = ['a', 'b', 'c'].map((letter) => `c${number}-${letter}`);
    return new CrashClient(daemon, random, names, NETVM);
  });
  const totals = { kills: 0, whileStarting: 0, adopted: 0, settledAsAsked: 0, settledAsBefore: 0 };

  while (totals.kills < KILLS) {
    await workUntilKilled(daemon, clients, random.below(300));
    totals.kills += 1;
    while (totals.kills < KILLS && random.below(4) === 0) {
      daemon.launch();
      await sleep(random.below(400));
      await daemon.kill();
      totals.kills += 1;
      totals.whileStarting += 1;
    }
    await daemon.start();
    await verify(daemon, clients, totals).catch((error: unknown) => {
      console.log(daemon.log.split('\n').slice(-20).join('\n'));
      throw error;
    });
  }

  await removeAll(daemon);
  expect(await daemon.host.settledLeftovers([], daemon.pid)).toEqual([]);
  await expect.poll(() => poolContent(daemon), { timeout: 10_000 }).toEqual(clean);
  const acknowledged = clients.reduce((sum, client) => sum + client.acknowledged, 0);
  console.log(`crash loop: ${JSON.stringify({ acknowledged, ...totals })}`);
  expect(acknowledged, 'else the kills came before the work').toBeGreaterThan(KILLS * 2);
}, 480_000);

async function workUntilKilled(
  daemon: TestDaemon,
  clients: readonly CrashClient[],
  delay: number,
): Promise<void> {
  let over = false;
  const work = Promise.all(clients.map((client) => client.work(() => over)));
  await Promise.race([sleep(delay), work]);
  over = true;
  await daemon.kill();
  await work;
}

/** Holds what the restarted daemon and the machine say against what the clients were told. */
async function verify(
  daemon: TestDaemon,
  clients: readonly CrashClient[],
  totals: { adopted: number; settledAsAsked: number; settledAsBefore: number },
): Promise<void> {
  await letShutdownsEnd(daemon, clients);
  const observed = await observe(daemon.client);
  const names = new Set([...FIXED, NETVM]);
  for (const client of clients) {
    for (const [name, { acknowledged, asked }] of client.expected()) {
      names.add(name);
      const found = observed.get(name)?.model;
      const asAsked = asked !== undefined && same(found, asked.after);
      if (!asAsked)
        expect(found, `${name}${asked ? ` after the unanswered '${asked.what}'` : ''}`).toEqual(acknowledged);
      if (asked && asAsked) totals.settledAsAsked += 1;
      else if (asked) totals.settledAsBefore += 1;
      client.learn(name, found);
    }
  }
  expect([...observed.keys()].filter((name) => !names.has(name))).toEqual([]);
  expect(await daemon.problems()).toEqual([]);

  const qids = [...observed.values()].map(({ qid }) => qid);
  expect(new Set(qids).size, 'numbers, and so addresses, given twice').toBe(qids.length);
  const started = [...observed].filter(([, { model }]) => model.state !== 'Halted');
  for (const [name, { model }] of started) {
    totals.adopted += 1;
    if (model.state === 'Running') await daemon.shell(name, 'test -w /home/user');
  }
  const running = started.map(([, { uuid }]) => uuid);
  expect(await daemon.host.settledLeftovers(running, daemon.pid)).toEqual([]);
}

/** A domain that was asked to shut down may be found running and end a moment later. */
async function letShutdownsEnd(daemon: TestDaemon, clients: readonly CrashClient[]): Promise<void> {
  for (const client of clients)
    for (const [name, { asked }] of client.expected()) {
      if (!asked?.what.startsWith('shut down')) continue;
      const state = async () => (await observe(daemon.client)).get(name)?.model.state;
      const end = Date.now() + 1000;
      while (Date.now() < end && (await state()) !== 'Halted') await sleep(20);
    }
}

function same(found: DomainModel | undefined, wanted: DomainModel | undefined): boolean {
  try {
    expect(found).toEqual(wanted);
    return true;
  } catch {
    return false;
  }
}

async function removeAll(daemon: TestDaemon): Promise<void> {
  const states = new Map([...(await observe(daemon.client))].map(([name, { model }]) => [name, model.state]));
  for (const [name, state] of states) if (state !== 'Halted') await daemon.client.domain(name).kill();
  // What uses a netvm goes before it.
  for (const name of [...states.keys()].sort())
    if (!FIXED.includes(name)) await daemon.client.domain(name).remove();
}

/** Everything in the pool down to the volumes and their layers. */
function poolContent(daemon: TestDaemon): string[] {
  const pool = `${daemon.state}/pool`;
  const own = ['.layers', '.new', '.trash'].flatMap((part) =>
    readdirSync(`${pool}/${part}`).map((name) => `${part}/${name}`),
  );
  return [...volumesBelow(pool), ...own].sort();
}

function volumesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.')) return entry.name === '.run' ? [`${path}/.run`] : [];
    return [`${path}/${entry.name}`, ...(entry.isDirectory() ? volumesBelow(`${path}/${entry.name}`) : [])];
  });
}
