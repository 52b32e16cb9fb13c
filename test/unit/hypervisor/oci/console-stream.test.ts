import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConsoleStream } from '../../../../src/hypervisor/oci/console-stream.ts';

let directory: string;
let log: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-console-'));
  log = join(directory, 'console.log');
});
afterEach(() => rm(directory, { recursive: true }));

test('replays, follows, and ends when told', async () => {
  await writeFile(log, 'before\n');
  const stream = await ConsoleStream.follow(log);
  let seen = '';
  stream.on('data', (chunk) => {
    seen += chunk;
  });
  const ended = new Promise((resolve) => stream.once('end', resolve));
  await expect.poll(() => seen).toBe('before\n');
  await appendFile(log, 'after\n');
  await expect.poll(() => seen).toBe('before\nafter\n');
  await appendFile(log, 'last\n');
  stream.finish();
  await ended;
  expect(seen).toBe('before\nafter\nlast\n');
});

test('what is written to it goes nowhere and stops nobody', async () => {
  await writeFile(log, '');
  const stream = await ConsoleStream.follow(log);
  for (let i = 0; i < 100; i++) stream.write(Buffer.alloc(65_536));
  await new Promise<void>((resolve) => stream.write('x', () => resolve()));
  stream.destroy();
});

test('a log that is not there is an error', async () => {
  await expect(ConsoleStream.follow(join(directory, 'none'))).rejects.toThrow(/ENOENT/);
});
