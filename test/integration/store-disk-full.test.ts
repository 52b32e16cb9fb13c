import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('a full disk fails commits and harms nothing; with room again the store works on', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-full-'));
  const script = new URL('./store-disk-full.child.ts', import.meta.url).pathname;
  const namespace = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script, directory];
  const { stdout } = await promisify(execFile)('unshare', [...namespace, '--', ...node], { timeout: 25_000 });
  await rm(directory, { recursive: true });

  const seen = JSON.parse(stdout);
  expect(seen.failure).toBe(
    `true disk full: no space is left in ${directory}; make room there and try again`,
  );
  expect(seen.together).toHaveLength(3);
  for (const answer of seen.together) expect(answer).toMatch(/^true .*disk full/);
  expect(seen.afterwards).toBe('stored');
  const before = Array.from({ length: seen.storedBeforeFull }, (_, number) => `domain/${number}`);
  expect(seen.keys).toEqual([...before, 'domain/kept', 'domain/late'].sort());
  expect(seen).toMatchObject({ kept: 'first', problems: 0 });
});
