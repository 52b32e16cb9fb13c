/**
 * Runs in a mount namespace of its own, with a small file system to fill. Prints one JSON line of what it saw.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { SqliteStore } from '../../src/app/store/sqlite/store.ts';
import { messageOf, QubesException } from '../../src/base/errors.ts';
import { element } from '../../src/xml/node.ts';

const [directory = ''] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', directory], { timeout: 10_000 });
const record = (value: string) => element('domain', { value }, 'x'.repeat(2000));
const outcome = (asked: Promise<void>) =>
  asked.then(
    () => 'stored',
    (error: unknown) => `${error instanceof QubesException} ${messageOf(error)}`,
  );

const seen: Record<string, unknown> = {};
const warnings: string[] = [];
const log = { debug() {}, info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
{
  await using store = new SqliteStore({ directory, log, mirrorInterval: 10 });
  await store.load();
  await store.commit([['domain/kept', record('first')]]);
  fill();
  let number = 0;
  for (; number < 1000; number++) {
    const answer = await outcome(store.commit([[`domain/${number}`, record('x')]]));
    if (answer !== 'stored') {
      seen['failure'] = answer;
      break;
    }
  }
  seen['storedBeforeFull'] = number;
  seen['together'] = await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      outcome(
        store.commit([
          ['domain/kept', record(name)],
          [`domain/${name}`, record(name)],
        ]),
      ),
    ),
  );
  rmSync(`${directory}/ballast`);
  seen['afterwards'] = await outcome(store.commit([['domain/late', record('late')]]));
}
{
  await using store = new SqliteStore({ directory });
  const records = await store.load();
  seen['keys'] = records.map(({ key }) => key).sort();
  seen['kept'] = records.find(({ key }) => key === 'domain/kept')?.node?.attribute('value');
  seen['problems'] = records.filter(({ problem }) => problem !== undefined).length;
}
seen['warnings'] = warnings.length;
console.log(JSON.stringify(seen));

/** Leaves not one block free. */
function fill(): void {
  for (const size of [65536, 4096]) {
    try {
      for (;;) writeFileSync(`${directory}/ballast`, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if (!messageOf(error).includes('ENOSPC')) throw error;
    }
  }
}
