import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { QubesException } from '../../src/base/errors.ts';
import { makeTemplates } from './daemon/starter.ts';
import { TestDaemon } from './daemon/test-daemon.ts';

/** Stored records that cannot be used: the daemon starts, what they describe is seen as broken, all else is well. */

let daemon: TestDaemon;
afterEach(() => daemon?.[Symbol.asyncDispose]());

interface Row {
  readonly key: string;
  readonly xml: string;
}

/** Changes the stored text of one record while no daemon runs; with a wrong checksum unless `sound`. */
function rewrite(key: string, change: (xml: string) => string, sound: boolean): void {
  using database = new DatabaseSync(`${daemon.state}/qubes.db`);
  const row = database.prepare('SELECT key, xml FROM record WHERE key = ?').get(key) as unknown as
    | Row
    | undefined;
  if (!row) throw new Error(`no record ${key}`);
  const xml = change(row.xml);
  const checksum = sound ? crc32(`${key}\0${xml}`) : 1;
  database.prepare('UPDATE record SET xml = ?, checksum = ? WHERE key = ?').run(xml, checksum, key);
}

async function uuidOf(name: string): Promise<string> {
  return (await daemon.client.domain(name).properties.get('uuid')).value;
}

async function described(): Promise<Map<string, { state: string; uuid: string; broken?: string }>> {
  return new Map((await daemon.client.describe({})).map((domain) => [domain.name, domain]));
}

const DAMAGES: readonly (readonly [string, (xml: string) => string, boolean, RegExp])[] = [
  ['a checksum that does not fit', (xml) => xml, false, /checksum/],
  ['text that is no XML', () => 'garbage', true, /./],
  ['nothing', () => '', true, /./],
  ['a cut text', (xml) => xml.slice(0, xml.length / 2), true, /./],
  ['a class there is not', (xml) => xml.replace('class="AppVM"', 'class="Sandwich"'), true, /Sandwich/],
  ['a name that is none', (xml) => xml.replace(/>hurt\dx</, '>../etc<'), true, /name/i],
  [
    'a number of another domain',
    (xml) => xml.replace(/(<property name="qid">)\d+/, '$11'),
    true,
    /number|qid/i,
  ],
  ['a label there is not', (xml) => xml.replace('>red<', '>plaid<'), true, /plaid/],
  ['a template there is not', (xml) => xml.replace('>host<', '>nowhere<'), true, /nowhere/],
  ['a value outside its type', (xml) => xml.replace('>777<', '>lots<'), true, /lots/],
];

test('whatever is wrong with a record breaks its domain only', async () => {
  daemon = await TestDaemon.open();
  const { client } = daemon;
  await client.create({ class: 'TemplateVM', name: 'host', label: 'black' });
  const names = DAMAGES.map((_, number) => `hurt${number}x`);
  for (const name of [...names, 'well']) {
    await client.create({ class: 'AppVM', name, label: 'red', template: 'host' });
    await client.domain(name).properties.set('memory', '777');
  }
  const uuids = await Promise.all(names.map(uuidOf));
  await daemon.kill();
  for (const [number, [, damage, sound]] of DAMAGES.entries())
    rewrite(`domain/${uuids[number]}`, damage, sound);
  await daemon.start();

  const all = await described();
  expect(all.size).toBe(DAMAGES.length + 3);
  expect(all.get('well')?.broken).toBeUndefined();
  expect(all.get('host')?.broken).toBeUndefined();
  expect((await client.domain('well').properties.get('memory')).value).toBe('777');
  const problems = (await daemon.problems()).join('\n');
  const brokenNames: string[] = [];
  for (const [number, [what, , , reason]] of DAMAGES.entries()) {
    const [name = '', hurt] = [...all].find(([, domain]) => domain.uuid === uuids[number]) ?? [];
    brokenNames.push(name);
    expect(hurt?.broken, what).toMatch(reason);
    expect(problems, what).toContain(`${name}: broken record: `);
    const broken = client.domain(name);
    await expect(broken.start(), what).rejects.toThrow(/is broken: /);
    await expect(broken.start(), what).rejects.toBeInstanceOf(QubesException);
  }

  // A restart shows the same; a removal is for good.
  await daemon.restart();
  const again = await described();
  for (const name of brokenNames) {
    expect(again.get(name)?.broken).toBe(all.get(name)?.broken);
    await client.domain(name).remove();
  }
  await daemon.restart();
  expect([...(await described()).keys()].sort()).toEqual(['dom0', 'host', 'well']);
  const left = await daemon.problems();
  // Whose record cannot be read at all, nobody knows what volumes it had: they are kept, and shown.
  expect(left.filter((line) => !line.endsWith('this volume belongs to no domain'))).toEqual([]);
  await client.create({ class: 'AppVM', name: 'new', label: 'red', template: 'host' });
});

test('a domain that ran when its record broke is ended, and nothing of it is left', async () => {
  daemon = await TestDaemon.open();
  await makeTemplates(daemon);
  const { client } = daemon;
  for (const name of ['hurt', 'well']) {
    await client.create({ class: 'AppVM', name, label: 'red' });
    await client.domain(name).start();
  }
  const [hurt, well] = [await uuidOf('hurt'), await uuidOf('well')];
  await daemon.kill();
  rewrite(`domain/${hurt}`, () => 'garbage', true);
  await daemon.start();
  expect(await daemon.host.settledLeftovers([well], daemon.pid)).toEqual([]);
  expect((await described()).get('well')?.state).toBe('Running');
  expect(await daemon.shell('well', 'echo well')).toBe('well\n');
});

test.each([
  ['system', () => 'garbage'],
  ['system', () => '<properties><property name="default_template">nowhere</property></properties>'],
  ['label/red', () => 'garbage'],
  ['pool/varlibqubes', () => 'garbage'],
  ['domain/00000000-0000-0000-0000-000000000000', () => 'garbage'],
])('a record %s that cannot be used does not keep the daemon from starting', async (key, damage) => {
  daemon = await TestDaemon.open();
  const { client } = daemon;
  await client.create({ class: 'TemplateVM', name: 'host', label: 'black' });
  await client.create({ class: 'AppVM', name: 'work', label: 'red', template: 'host' });
  await client.properties.set('default_template', 'host');
  await client.domain('dom0').setFeature('a', 'b');
  await daemon.kill();
  rewrite(key, damage, true);
  await daemon.start();
  expect([...(await described()).keys()].sort()).toEqual(['dom0', 'host', 'work']);
  await client
    .domain('work')
    .setFeature('still', 'stored')
    .catch(() => {});
  await client.domain('host').setFeature('still', 'stored');
  await daemon.restart();
  expect(await client.domain('host').feature('still')).toBe('stored');
});

test('a journal entry that cannot be used does not keep the daemon from starting', async () => {
  daemon = await TestDaemon.open();
  await daemon.client.create({ class: 'TemplateVM', name: 'host', label: 'black' });
  const uuid = await uuidOf('host');
  await daemon.kill();
  const entries = [
    'garbage',
    '<operation kind="dance" qid="1" name="host"/>',
    '<operation kind="create" qid="x"/>',
  ];
  for (const [number, xml] of entries.entries()) {
    const key = `operation/${number === 1 ? uuid : `00000000-0000-4000-8000-00000000000${number}`}`;
    using database = new DatabaseSync(`${daemon.state}/qubes.db`);
    database
      .prepare('INSERT INTO record (key, xml, checksum) VALUES (?, ?, ?)')
      .run(key, xml, crc32(`${key}\0${xml}`));
  }
  await daemon.start();
  expect([...(await described()).keys()].sort()).toEqual(['dom0', 'host']);
  expect((await described()).get('host')?.broken).toBeUndefined();
  await daemon.client.domain('host').remove();
});
