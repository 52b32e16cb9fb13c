import { execFile } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mergeDown } from '../../../../src/storage/dir/merge.ts';
import { isOpaque, makeOpaque } from '../../../../src/storage/dir/overlay.ts';
import { setAttribute } from '../../../../src/storage/dir/xattr.ts';

const run = promisify(execFile);
let directory: string;
let upper: string;
let lower: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-merge-'));
  [upper, lower] = [join(directory, 'upper'), join(directory, 'lower')];
  for (const path of [upper, lower]) await mkdir(path);
});
afterEach(() => rm(directory, { recursive: true }));

function merge(lowest: boolean, signal = new AbortController().signal): Promise<boolean> {
  const discard = (path: Buffer) => rm(path, { recursive: true });
  return mergeDown(Buffer.from(upper), Buffer.from(lower), { lowest, signal, discard });
}
const whiteout = (path: string) => run('mknod', [path, 'c', '0', '0']);

/** What the documents of overlayfs allow, but today's kernels don't make. */
describe('merging a lower tree into an upper', () => {
  it('hides what is below a directory that lies over a whiteout', async () => {
    await mkdir(join(upper, 'a'));
    await whiteout(join(lower, 'a'));
    expect(await merge(false)).toBe(true);
    expect(await isOpaque(Buffer.from(join(upper, 'a')))).toBe(true);
  });

  it('keeps whiteouts while something lies below, and drops them with what they hid when nothing does', async () => {
    await writeFile(join(lower, 'a'), 'hidden');
    await whiteout(join(upper, 'a'));
    expect(await merge(false)).toBe(true);
    expect((await lstat(join(upper, 'a'))).isCharacterDevice()).toBe(true);
    expect(await merge(true)).toBe(true);
    expect(await readdir(upper)).toEqual([]);
    expect(await readdir(lower)).toEqual([]);
  });

  it('takes nothing from below an opaque directory, and passes the mark on', async () => {
    for (const path of [upper, lower]) await mkdir(join(path, 'a'));
    await writeFile(join(lower, 'a/hidden'), 'x');
    await makeOpaque(Buffer.from(join(upper, 'a')));
    await mkdir(join(upper, 'b'));
    await mkdir(join(lower, 'b'));
    await writeFile(join(lower, 'b/shown'), 'x');
    await makeOpaque(Buffer.from(join(lower, 'b')));
    expect(await merge(false)).toBe(true);
    expect(await readdir(join(upper, 'a'))).toEqual([]);
    expect(await readdir(join(upper, 'b'))).toEqual(['shown']);
    expect(await isOpaque(Buffer.from(join(upper, 'b')))).toBe(true);
  });

  it('leaves both alone where a file is only known together with what is below it', async () => {
    await writeFile(join(upper, 'a'), '');
    await setAttribute(Buffer.from(join(upper, 'a')), 'trusted.overlay.metacopy', Buffer.alloc(0));
    await writeFile(join(lower, 'a'), 'content');
    expect(await merge(false)).toBe(false);
    expect(await readFile(join(lower, 'a'), 'utf8')).toBe('content');
  });

  it('moves names that are no text', async () => {
    const name = Buffer.from([0x66, 0xff, 0xfe]);
    await writeFile(Buffer.concat([Buffer.from(`${lower}/`), name]), 'x');
    expect(await merge(true)).toBe(true);
    expect(await readdir(upper, { encoding: 'buffer' })).toEqual([name]);
  });

  it('gives up when told to, with nothing changed', async () => {
    await writeFile(join(lower, 'a'), 'x');
    const abort = new AbortController();
    abort.abort();
    expect(await merge(true, abort.signal)).toBe(false);
    expect(await readdir(upper)).toEqual([]);
  });
});
