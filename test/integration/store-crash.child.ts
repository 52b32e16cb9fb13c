/**
 * Commits without end and prints the number of each commit once it is acknowledged, until it is killed.
 * Eight callers at once; each commit writes its number under two keys and replaces the caller's journal entry.
 */
import { writeSync } from 'node:fs';
import { SqliteStore } from '../../src/app/store/sqlite/store.ts';
import { element } from '../../src/xml/node.ts';

const [directory = '', from = '0'] = process.argv.slice(2);
const store = new SqliteStore({ directory, mirrorInterval: 20 });
await store.load();
let next = Number(from);

async function commitForever(caller: number): Promise<never> {
  for (;;) {
    const number = String(next++);
    await store.commit([
      [`domain/${caller}`, element('domain', { id: `domain-${caller}`, number }, 'x'.repeat(1500))],
      [`label/${caller}`, element('label', { number })],
      [`operation/${caller}-${number}`, element('operation', { number })],
      [`operation/${caller}-${previous[caller]}`, null],
    ]);
    previous[caller] = number;
    writeSync(1, `${caller} ${number}\n`);
  }
}

const previous: Record<number, string> = {};
for (let caller = 0; caller < 8; caller++) {
  previous[caller] = process.argv[4 + caller] ?? 'none';
  void commitForever(caller);
}
