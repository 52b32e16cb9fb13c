import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SqliteStore } from '../../src/app/store/sqlite/store.ts';
import { parseXml } from '../../src/xml/parser.ts';

const kills = 60;
const callers = [0, 1, 2, 3, 4, 5, 6, 7];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-crash-'));
});
afterAll(() => rm(directory, { recursive: true }));

test(`${kills} times killed while committing, it loses nothing acknowledged and keeps nothing half`, async () => {
  let stored = new Map(callers.map((caller) => [caller, 'none']));
  let acknowledgedInAll = 0;
  for (let kill = 0; kill < kills; kill++) {
    const acknowledged = await commitUntilKilled(kill * 1_000_000, stored, Math.random() * 40);
    acknowledgedInAll += acknowledged.size;
    stored = await check(acknowledged, stored);
  }
  // Else the kills came before the work, and nothing was tried.
  expect(acknowledgedInAll).toBeGreaterThan(kills);
  await expectMirrorOf(stored);
}, 400_000);

/** The last number acknowledged to each caller. The kill comes `delay` ms after the first acknowledgement. */
async function commitUntilKilled(
  from: number,
  stored: Map<number, string>,
  delay: number,
): Promise<Map<number, string>> {
  const script = new URL('./store-crash.child.ts', import.meta.url).pathname;
  const numbers = callers.map((caller) => stored.get(caller) ?? 'none');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, directory, String(from), ...numbers],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.setEncoding('latin1');
  child.stdout.on('data', (text: string) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), delay);
    output += text;
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(deadline);
  expect(child.signalCode).toBe('SIGKILL');
  expect(output).not.toBe('');
  const lines = output.split('\n').filter((line) => /^\d \d+$/.test(line));
  return new Map(lines.map((line) => [Number(line[0]), line.slice(2)]));
}

/** Reads what is there, holds it against what was acknowledged, and returns each caller's number. */
async function check(
  acknowledged: Map<number, string>,
  before: Map<number, string>,
): Promise<Map<number, string>> {
  await using store = new SqliteStore({ directory });
  const records = await store.load();
  expect(records.filter(({ problem }) => problem !== undefined)).toEqual([]);
  const numbers = new Map(records.map(({ key, node }) => [key as string, node?.attribute('number')]));
  const after = new Map<number, string>();
  for (const caller of callers) {
    const number = numbers.get(`domain/${caller}`) ?? 'none';
    const least = acknowledged.get(caller) ?? before.get(caller) ?? 'none';
    if (least !== 'none') expect(Number(number)).toBeGreaterThanOrEqual(Number(least));
    if (number !== 'none') expect(numbers.get(`label/${caller}`)).toBe(number);
    after.set(caller, number);
  }
  // Exactly one journal entry a caller, of its last commit: each was put and removed in the same commit as its domain.
  const operations = [...numbers.keys()].filter((key) => key.startsWith('operation/')).sort();
  const expected = [...after]
    .filter(([, number]) => number !== 'none')
    .map(([caller, number]) => `operation/${caller}-${number}`);
  expect(operations).toEqual(expected.sort());
  return after;
}

async function expectMirrorOf(stored: Map<number, string>): Promise<void> {
  const mirror = parseXml(await readFile(join(directory, 'qubes.xml'), 'utf8'));
  const numbers = mirror
    .element('domains')
    ?.elements('domain')
    .map((domain) => domain.attribute('number'));
  expect(numbers).toEqual(callers.map((caller) => stored.get(caller)));
}
