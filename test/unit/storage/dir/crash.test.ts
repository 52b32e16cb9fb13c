import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { StoragePoolException } from '../../../../src/base/errors.ts';
import { dirDriver } from '../../../../src/storage/dir/driver.ts';
import { IDS, mountOf, OTHER_IDS, own, snapshotOf, usePools } from './place.ts';

const pools = usePools();
const run = promisify(execFile);

describe('setup', () => {
  it('sweeps what was being made and deleted, and users that were not', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private'));
    await volume.create();
    await writeFile(join(mountOf(await volume.start(IDS)).upper ?? '', 'note'), 'kept');
    await volume.stop();
    const at = (...parts: string[]) => join(pools.path(), ...parts);
    const [layer = ''] = await readdir(at('.layers'));
    await mkdir(at('.new', 'half', 'tree'), { recursive: true });
    await mkdir(at('.trash', 'old', 'tree'), { recursive: true });
    await mkdir(at('.layers', 'orphan+0-1', 'tree'), { recursive: true });
    await mkdir(at('.layers', 'lost+0-2', 'users'), { recursive: true });
    await writeFile(at('.layers', 'lost+0-2', 'users', 'volume:appvms+gone+private'), '');
    for (const stale of [
      'snapshot:appvms+disp1+root',
      'copy:0-3',
      'layer:none+0-4',
      'volume:appvms+b+private',
    ])
      await writeFile(at('.layers', layer, 'users', stale), '');

    const again = await pools.open();
    await again.idle();
    expect(await readdir(at('.new'))).toEqual([]);
    expect(await readdir(at('.trash'))).toEqual([]);
    expect(await readdir(at('.layers'))).toEqual([layer]);
    expect(await readdir(at('.layers', layer, 'users'))).toEqual(['volume:appvms+work+private']);
    const { upper = '' } = mountOf(await again.volume(own('appvms/work/private')).start(IDS));
    expect(await readFile(join(upper, 'note'), 'utf8')).toBe('kept');
  });

  it('deletes directories nested deeper than a path can say', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private'));
    await volume.create();
    const { upper = '' } = mountOf(await volume.start(IDS));
    const nest = 'n=$(printf %0200d 0); for i in $(seq 40); do mkdir $n && cd -P $n || exit 1; done';
    await run('bash', ['-c', nest], { cwd: upper });
    await volume.stop();
    await volume.remove();
    await pool.idle();
    expect(await readdir(join(pools.path(), '.trash'))).toEqual([]);
    expect(await readdir(join(pools.path(), '.layers'))).toEqual([]);
  });

  it('leaves alone what a running snapshot uses', async () => {
    const pool = await pools.open();
    const source = pool.volume(own('appvms/base/private'));
    await source.create();
    await writeFile(join(mountOf(await source.start(IDS)).upper ?? '', 'note'), 'kept');
    await source.stop();
    const config = snapshotOf('appvms/base/private', 'appvms/disp1/private');
    const { lower } = mountOf(await pool.volume(config).start(OTHER_IDS));
    await source.remove();
    const again = await pools.open();
    await again.idle();
    expect(await readFile(join(lower[0]?.path ?? '', 'note'), 'utf8')).toBe('kept');
    await again.volume(config).stop();
    await again.idle();
    expect(await readdir(join(pools.path(), '.layers'))).toEqual([]);
  });

  it('refuses an overlay file system, with the remedy', async () => {
    const base = pools.path();
    for (const name of ['lower', 'upper', 'work', 'merged'])
      await mkdir(join(base, name), { recursive: true });
    const options = `lowerdir=${base}/lower,upperdir=${base}/upper,workdir=${base}/work`;
    await run('mount', ['-t', 'overlay', '-o', options, 'overlay', join(base, 'merged')]);
    try {
      const pool = dirDriver.open('p', { dir_path: join(base, 'merged', 'pool') });
      await expect(pool.setup()).rejects.toThrow(/overlay file system.*ext4, xfs, btrfs/);
    } finally {
      await run('umount', [join(base, 'merged')]);
    }
  });
});

describe('a crash between two steps', () => {
  it('of stop: the second stop makes no second revision', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private', 3));
    await volume.create();
    await volume.start(IDS);
    await volume.stop();
    await volume.start(IDS);
    const path = join(pools.path(), 'appvms/work/private');
    await run('cp', ['-a', join(path, '.run'), join(path, '.kept')]);
    await volume.stop();
    await run('mv', [join(path, '.kept'), join(path, '.run')]);
    expect(await volume.isDirty()).toBe(true);
    await volume.stop();
    expect(await volume.revisions()).toHaveLength(1);
  });

  it('of removing a layer: the sweep finishes it', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private'));
    await volume.create();
    await volume.start(IDS);
    await volume.stop();
    await unlink(join(pools.path(), 'appvms/work/private/.volume'));
    const again = await pools.open();
    await again.idle();
    expect(await readdir(join(pools.path(), '.layers'))).toEqual([]);
    await again.volume(own('appvms/work/private')).remove();
    expect(await again.list()).toEqual([]);
  });
});

describe('damage', () => {
  it.each([
    '{',
    '[]',
    '{"tip":"../../etc","revisions":[]}',
    '{"tip":null,"revisions":[{"time":"x","tip":"a"}]}',
    'null',
  ])('to the record (%s) is told with its place, and the volume can be removed', async (text) => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private'));
    await volume.create();
    await writeFile(join(pools.path(), 'appvms/work/private/.volume'), text);
    await expect(volume.start(IDS)).rejects.toThrow(/appvms\/work\/private\/\.volume is damaged/);
    await expect(volume.revisions()).rejects.toThrow(StoragePoolException);
    await volume.remove();
    expect(await pool.list()).toEqual([]);
  });

  it('to a run is told with its place', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private'));
    await volume.create();
    await mkdir(join(pools.path(), 'appvms/work/private/.run'));
    await symlink('../../../etc', join(pools.path(), 'appvms/work/private/.run/tip'));
    await expect(volume.start(IDS)).rejects.toThrow(/\.run\/tip is damaged/);
  });

  it('of a layer that is gone is told', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private', 1));
    await volume.create();
    await volume.start(IDS);
    await volume.stop();
    const [layer = ''] = await readdir(join(pools.path(), '.layers'));
    await rm(join(pools.path(), '.layers', layer), { recursive: true });
    const again = (await pools.open()).volume(own('appvms/work/private', 1));
    await expect(again.start(IDS)).rejects.toThrow(/is missing; restore/);
    await again.remove();
  });
});

describe('a full disk', () => {
  it('is named, leaves nothing half done, and passes', async () => {
    const path = pools.path();
    await mkdir(path, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]);
    try {
      const pool = await pools.open();
      const volume = pool.volume(own('appvms/work/private', 1));
      await volume.create();
      const { upper = '' } = mountOf(await volume.start(IDS));
      await writeFile(join(upper, 'note'), 'x'.repeat(500_000));
      await volume.stop();
      const data = await volume.exportData();
      const ballast = join(path, 'ballast');
      await writeFile(ballast, 'x'.repeat(400_000)).catch(() => {});
      const target = pool.volume(own('appvms/b/private'));
      await target.create();
      await expect(target.importData(data)).rejects.toThrow(
        /import to volume 'appvms\/b\/private': disk full/,
      );
      await writeFile(join(path, 'more'), 'x'.repeat(1_000_000)).catch(() => {});
      const disposable = pool.volume(snapshotOf('appvms/work/private', 'appvms/disp1/private'));
      const outcome = await volume.start(IDS).then(
        () => undefined,
        (thrown) => thrown,
      );
      // Whatever fits when the disk is full, nothing but a clear refusal comes of it.
      if (outcome) expect(outcome.message).toMatch(/disk full/);
      else await volume.stop();
      await truncate(ballast, 0);
      await rm(join(path, 'more'), { force: true });
      await disposable.start(OTHER_IDS);
      expect(await disposable.isDirty()).toBe(true);
      await disposable.stop();
      await pool.idle();
      expect(await readdir(join(path, '.new'))).toEqual([]);
    } finally {
      await run('umount', [path]);
    }
  });
});
