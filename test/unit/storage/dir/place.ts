import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { dirDriver } from '../../../../src/storage/dir/driver.ts';
import { DirPool } from '../../../../src/storage/dir/pool.ts';
import type { Attachment, TreeMount, VolumeConfig } from '../../../../src/storage/volume.ts';

export const IDS = { start: 300 * 65_536, length: 65_536 };
export const OTHER_IDS = { start: 301 * 65_536, length: 65_536 };

export const own = (vid: string, revisionsToKeep = 0): VolumeConfig => ({
  name: 'private',
  vid,
  size: 64 * 1024 * 1024,
  rw: true,
  snapOnStart: false,
  saveOnStop: true,
  revisionsToKeep,
});

export const snapshotOf = (source: string, vid: string): VolumeConfig => ({
  ...own(vid),
  name: 'root',
  snapOnStart: true,
  saveOnStop: false,
  source,
});

/** A new pool on disk for each test of a file. */
export function usePools(): { path(): string; open(name?: string): Promise<DirPool> } {
  let directory = '';
  let pools: DirPool[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bulkhead-dir-'));
  });
  afterEach(async () => {
    for (const pool of pools) await pool.idle();
    pools = [];
    await rm(directory, { recursive: true });
  });
  return {
    path: () => join(directory, 'pool'),
    async open(name = 'pool') {
      const pool = dirDriver.open(name, { dir_path: join(directory, name) });
      if (!(pool instanceof DirPool)) throw new Error('not a dir pool');
      await pool.setup();
      pools.push(pool);
      return pool;
    },
  };
}

/** The mounts of a started volume. */
export function mountsOf(attachment: Attachment): readonly TreeMount[] {
  if (attachment.kind !== 'tree') throw new Error('not a tree');
  return attachment.mounts;
}

/** The only mount of a started volume. */
export function mountOf(attachment: Attachment): TreeMount {
  const [mount, ...others] = mountsOf(attachment);
  if (!mount || others.length > 0) throw new Error('not one mount');
  return mount;
}
