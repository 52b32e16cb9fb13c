import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeSystemDirectories } from '../../../src/daemon/directories.ts';
import { listen } from '../../../src/daemon/listen.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'bulkhead-directories-'));
  await chmod(base, 0o711);
});
afterEach(() => rm(base, { recursive: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

test('makes both with what is above them: the state closed, the way to the run directory open', async () => {
  const [state, run] = [join(base, 'a/b/state'), join(base, 'c/d/run')];
  await makeSystemDirectories({ state, run });
  await makeSystemDirectories({ state, run }); // what is there is taken as it is
  expect(await Promise.all([state, run, join(base, 'c')].map(modeOf))).toEqual([0o700, 0o711, 0o711]);
});

test.each([
  ['a file', () => join(base, 'file'), /file' cannot be used \(.*\); set BULKHEAD_STATE to another place/],
  ['below a file', () => join(base, 'file/state'), /set BULKHEAD_STATE to another place/],
  ['where nothing can be made', () => '/proc/bulkhead/state', /set BULKHEAD_STATE to another place/],
])('a state that is %s is refused', async (_, state, message) => {
  await writeFile(join(base, 'file'), '');
  await expect(makeSystemDirectories({ state: state(), run: join(base, 'run') })).rejects.toThrow(message);
});

test('a run directory whose sockets would have too long a path is told of', async () => {
  const path = join(base, `${'r'.repeat(120)}.sock`);
  await expect(listen(path, () => {})).rejects.toThrow(/longer than the 107 bytes .* set BULKHEAD_RUN/);
});
