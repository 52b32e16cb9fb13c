import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SqliteStore } from '../../../../src/app/store/sqlite/store.ts';
import { QubesException } from '../../../../src/base/errors.ts';
import { element } from '../../../../src/xml/node.ts';
import { parseXml } from '../../../../src/xml/parser.ts';

let parent: string;
let directory: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'bulkhead-sqlite-'));
  directory = join(parent, 'a', 'state');
});
afterEach(() => rm(parent, { recursive: true }));

describe('files', () => {
  test('are for the owner alone, also while open', async () => {
    await using store = new SqliteStore({ directory, mirrorInterval: 1 });
    await store.load();
    await store.commit([['system', element('properties')]]);
    await mirrorWith('<properties');
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    const names = await readdir(directory);
    expect(names).toContain('qubes.db-wal');
    for (const name of names)
      expect([name, (await stat(join(directory, name))).mode & 0o777]).toEqual([name, 0o600]);
  });

  test('after closing, only the database and its mirror are left', async () => {
    await commitOne();
    expect((await readdir(directory)).sort()).toEqual(['qubes.db', 'qubes.xml']);
  });

  test('a directory that cannot be made is a reason, not a crash', async () => {
    await writeFile(join(parent, 'a'), 'a file');
    const store = new SqliteStore({ directory });
    await expect(store.load()).rejects.toThrow(QubesException);
    await expect(store.commit([['system', element('x')]])).rejects.toThrow(/ENOTDIR|EEXIST/);
  });

  test('a file that is no database is refused with the remedy, and left alone', async () => {
    await commitOne();
    const path = join(directory, 'qubes.db');
    await writeFile(path, 'not a database '.repeat(1000));
    await expect(new SqliteStore({ directory }).load()).rejects.toThrow(/is damaged .* import .*qubes\.xml/);
    expect(await readFile(path, 'utf8')).toBe('not a database '.repeat(1000));
  });

  test('a later format is refused', async () => {
    await commitOne();
    const database = new DatabaseSync(join(directory, 'qubes.db'));
    database.exec('PRAGMA user_version = 2');
    database.close();
    await expect(new SqliteStore({ directory }).load()).rejects.toThrow('its format is 2');
  });

  test('a row whose key was changed is a damaged one', async () => {
    await commitOne();
    const database = new DatabaseSync(join(directory, 'qubes.db'));
    database.exec("UPDATE record SET key = 'domain/other'");
    database.close();
    await using store = new SqliteStore({ directory });
    expect(await store.load()).toEqual([
      { key: 'domain/other', problem: expect.stringContaining('damaged') },
    ]);
  });
});

test('another process is refused, and told the pid', async () => {
  await using store = new SqliteStore({ directory });
  await store.load();
  const module = new URL('../../../../src/app/store/sqlite/store.ts', import.meta.url);
  const script = `const { SqliteStore } = await import('${module}');
    await new SqliteStore({ directory: process.argv[1] }).load().catch((error) => console.log(error.name, error.message));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, directory], {
    timeout: 20_000,
    encoding: 'utf8',
  });
  expect(stdout.trim()).toBe(`QubesException another daemon (pid ${process.pid}) uses ${directory}`);
});

test('when its thread dies, pending and later commits are rejected with the reason', async () => {
  const started = new Promise<Worker>((resolve) => process.once('worker', resolve));
  const store = new SqliteStore({ directory });
  const loaded = store.load();
  const thread = await started;
  await loaded;
  await store.commit([['domain/before', element('domain')]]);

  const pending = [1, 2, 3].map((n) => store.commit([[`domain/${n}`, element('domain')]]));
  void thread.terminate();
  const outcomes = await Promise.allSettled(pending);
  outcomes.push(...(await Promise.allSettled([store.commit([['domain/later', element('domain')]])])));
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(QubesException) });
    expect((outcome as PromiseRejectedResult).reason.message).toMatch(
      /the store's thread ended .*restart the daemon/,
    );
  }
  await store[Symbol.asyncDispose]();

  await using after = new SqliteStore({ directory });
  expect((await after.load()).map(({ key }) => key)).toContain('domain/before');
});

describe('qubes.xml', () => {
  test('holds the records as one document, domains by number, without operations', async () => {
    const store = new SqliteStore({ directory });
    await store.load();
    await store.commit([
      ['domain/x', element('domain', { id: 'domain-10' }, element('note', {}, 'a > b\n <kept> \n'))],
      ['domain/y', element('domain', { class: 'AppVM', id: 'domain-9' })],
      ['operation/1', element('operation')],
      ['pool/p', element('pool', { name: 'p' })],
      ['label/b', element('label', { id: 'label-2' }, 'b')],
      ['label/a', element('label', { id: 'label-1' }, 'a')],
      ['system', element('properties', {}, element('property', { name: 'x' }, '1'))],
    ]);
    await store[Symbol.asyncDispose]();
    expect(await readFile(join(directory, 'qubes.xml'), 'utf8')).toBe(
      [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<qubes>',
        '  <labels>',
        '    <label id="label-1">a</label>',
        '    <label id="label-2">b</label>',
        '  </labels>',
        '  <pools>',
        '    <pool name="p"/>',
        '  </pools>',
        '  <properties>',
        '    <property name="x">1</property>',
        '  </properties>',
        '  <domains>',
        '    <domain class="AppVM" id="domain-9"/>',
        '    <domain id="domain-10">',
        '      <note>a &gt; b\n &lt;kept&gt; \n</note>',
        '    </domain>',
        '  </domains>',
        '</qubes>',
        '',
      ].join('\n'),
    );
  });

  test('follows changes while the store is open, removals too', async () => {
    await using store = new SqliteStore({ directory, mirrorInterval: 5 });
    await store.load();
    await store.commit([['domain/a', element('domain', { id: 'domain-1' })]]);
    await mirrorWith('domain-1');
    await store.commit([
      ['domain/a', null],
      ['domain/b', element('domain', { id: 'domain-2' })],
    ]);
    expect(
      parseXml(await mirrorWith('domain-2'))
        .element('domains')
        ?.elements(),
    ).toHaveLength(1);
  });

  test('is written again when it was lost', async () => {
    await commitOne();
    await rm(join(directory, 'qubes.xml'));
    await using store = new SqliteStore({ directory, mirrorInterval: 1 });
    await store.load();
    await mirrorWith('<properties');
  });

  test('of many records does not hold up commits, and settles to the last state', async () => {
    await using store = new SqliteStore({ directory, mirrorInterval: 1 });
    await store.load();
    const filler = 'x'.repeat(1500);
    await store.commit(
      Array.from({ length: 2000 }, (_, n) => [
        `domain/${n}`,
        element('domain', { id: `domain-${n}` }, filler),
      ]),
    );
    for (let n = 0; n < 300; n++)
      await store.commit([['domain/7', element('domain', { id: 'domain-7', n: String(n) })]]);
    const mirror = parseXml(await mirrorWith('n="299"'));
    expect(mirror.element('domains')?.elements()).toHaveLength(2000);
  });
});

async function commitOne(): Promise<void> {
  await using store = new SqliteStore({ directory });
  await store.load();
  await store.commit([['system', element('properties')]]);
}

/** The mirror once it holds this text. */
async function mirrorWith(text: string): Promise<string> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(10)) {
    const mirror = await readFile(join(directory, 'qubes.xml'), 'utf8').catch(() => '');
    if (mirror.includes(text)) return mirror;
  }
  throw new Error(`qubes.xml never held ${text}`);
}
