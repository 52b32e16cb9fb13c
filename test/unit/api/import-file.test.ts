import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { allHandlers } from '../../../src/api/handlers.ts';
import { QubesValueError } from '../../../src/base/errors.ts';
import { Model } from '../../support/model.ts';

/** The file to import is named by the client and opened by the daemon, which must not get stuck on it. */

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-import-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function importFile(path: string): Promise<unknown> {
  const { system } = await Model.make();
  const handler = allHandlers()['bulkhead.Import'];
  return handler?.({
    system,
    method: 'bulkhead.Import',
    source: system.adminVM,
    destination: system.adminVM,
    untrustedArgument: '',
    untrustedPayload: Buffer.from(path),
    visible: (items) => [...items],
  });
}

test.each(['/dev/zero', '/dev/tty', '/proc/kmsg', '/proc/self/mem', '/proc/self/pagemap', '/', '/nowhere'])(
  '%s is refused at once',
  async (path) => {
    await expect(importFile(path)).rejects.toThrow(QubesValueError);
  },
);

test('so is a pipe nobody writes to', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(importFile(pipe)).rejects.toThrow(`Cannot read '${pipe}': it is not a file`);
});

test('so is a file that is too long', async () => {
  const file = join(directory, 'long');
  await writeFile(file, '');
  await truncate(file, 64 * 1024 * 1024 + 1);
  await expect(importFile(file)).rejects.toThrow('it is longer than 67108864 bytes');
});

test('a file of many chunks is read whole', async () => {
  const file = join(directory, 'qubes.xml');
  await writeFile(file, `<qubes><!--${'x'.repeat(1_000_000)}--><domains/></qubes>`);
  expect(JSON.parse(String(await importFile(file)))).toMatchObject({ domains: [] });
});
