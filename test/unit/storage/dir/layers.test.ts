import { chmod, chown, lstat, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TreeSource } from '../../../../src/storage/tree-source.ts';
import { whileMounted } from '../../../contract/mounted.ts';
import { IDS, mountOf, mountsOf, OTHER_IDS, own, snapshotOf, usePools } from './place.ts';

const pools = usePools();

const template: TreeSource = {
  name: 'test',
  async build(tree) {
    await mkdir(join(tree.root, 'etc'));
    await writeFile(join(tree.root, 'etc/issue'), 'built');
    await tree.useHostDirectory('/usr', '/usr');
  },
};

describe('the layers of a volume', () => {
  it('are one plain directory of the owner, written in place, while nobody else needs them', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private'));
    await volume.create();
    const first = mountOf(await volume.start(IDS));
    expect(first).toEqual({ target: '/', lower: [], upper: expect.stringContaining(pools.path()) });
    await writeFile(join(first.upper ?? '', 'note'), 'mine');
    await volume.stop();
    expect(mountOf(await volume.start(IDS))).toEqual(first);
    expect(await readFile(join(first.upper ?? '', 'note'), 'utf8')).toBe('mine');
    expect(await stat(first.upper ?? '')).toMatchObject({ uid: IDS.start, gid: IDS.start });
    await volume.stop();
  });

  it('are behind a door that only root passes: mounts are all that domains see', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private'));
    await volume.create();
    const { upper = '' } = mountOf(await volume.start(IDS));
    for (let path = dirname(upper); path.startsWith(pools.path()); path = dirname(path)) {
      const mode = ((await stat(path)).mode & 0o777).toString(8);
      expect([path, mode]).toEqual([path, path === pools.path() ? '700' : '711']);
    }
    expect((await stat(upper)).mode & 0o777).toBe(0o755);
    await volume.stop();
  });

  it('are never handed out with the wrong ids: another range gets a layer of its own', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private'));
    await volume.create();
    const { upper: written = '' } = mountOf(await volume.start(IDS));
    // A domain may give its own top directory away; what counts is out of its reach.
    await chown(written, IDS.start + 1000, IDS.start + 1000);
    await chmod(written, 0o770);
    await volume.stop();
    const mount = mountOf(await volume.start(OTHER_IDS));
    expect(mount.lower).toEqual([{ path: written, idStart: IDS.start }]);
    expect(mount.upper).not.toBe(written);
    expect(mount.work).toBe(join(dirname(mount.upper ?? ''), 'work'));
    expect(await stat(mount.upper ?? '')).toMatchObject({
      uid: OTHER_IDS.start + 1000,
      gid: OTHER_IDS.start + 1000,
    });
    expect((await stat(mount.upper ?? '')).mode & 0o7777).toBe(0o770);
    await volume.stop();
  });

  it('of a populated template show the host below, and cannot be reached by users of the host', async () => {
    const pool = await pools.open();
    const root = pool.volume(own('vm-templates/t/root', 1));
    await root.create();
    await root.populate(template);
    const app = pool.volume(snapshotOf('vm-templates/t/root', 'appvms/work/root'));
    const [top, usr, ...others] = mountsOf(await app.start(IDS));
    expect(others).toEqual([]);
    expect(top).toMatchObject({ target: '/', lower: [{ idStart: 0 }] });
    expect(usr).toMatchObject({ target: '/usr', lower: [{ path: '/usr', idStart: 0 }] });
    expect(usr?.upper).toBe(join(dirname(top?.upper ?? ''), 'tree+usr'));
    expect((await stat(dirname(top?.lower[0]?.path ?? ''))).mode & 0o777).toBe(0o700);
    await app.stop();

    const owner = mountsOf(await root.start(OTHER_IDS));
    expect(owner.map(({ target, lower }) => [target, lower.length])).toEqual([
      ['/', 1],
      ['/usr', 1],
    ]);
    await root.stop();
    expect(mountsOf(await app.start(IDS)).map(({ lower }) => lower.map(({ idStart }) => idStart))).toEqual([
      [OTHER_IDS.start, 0],
      [OTHER_IDS.start, 0],
    ]);
    await app.stop();
  });

  it('are shared by a clone, not copied, whatever its ids', async () => {
    const pool = await pools.open();
    const source = pool.volume(own('appvms/a/private'));
    await source.create();
    const { upper = '' } = mountOf(await source.start(IDS));
    await writeFile(join(upper, 'note'), 'shared');
    await source.stop();
    const clone = pool.volume(own('appvms/b/private'));
    await clone.create();
    await clone.cloneFrom(source);
    expect(mountOf(await clone.start(OTHER_IDS)).lower).toEqual([{ path: upper, idStart: IDS.start }]);
    expect(mountOf(await source.start(IDS)).lower).toEqual([{ path: upper, idStart: IDS.start }]);
    await clone.stop();
    await source.stop();
  });

  it('are folded when nobody needs them apart any more, and deleted', async () => {
    const pool = await pools.open();
    const volume = pool.volume(own('appvms/work/private', 1));
    await volume.create();
    for (const text of ['1', '2', '3', '4']) {
      await whileMounted(await volume.start(IDS), (root) => writeFile(join(root, text), text));
      await volume.stop();
      await pool.idle();
    }
    expect(await readdir(join(pools.path(), '.layers'))).toHaveLength(2);
    const plain = pool.volume(own('appvms/work/private', 0));
    await plain.start(IDS);
    await plain.stop();
    await pool.idle();
    const [only, ...others] = await readdir(join(pools.path(), '.layers'));
    expect(others).toEqual([]);
    expect((await readdir(join(pools.path(), '.layers', only ?? '', 'tree'))).sort()).toEqual([
      '1',
      '2',
      '3',
      '4',
    ]);
    expect(await readdir(join(pools.path(), '.trash'))).toEqual([]);
  });

  it('of a running snapshot are not folded; they are once it stops', async () => {
    const pool = await pools.open();
    const source = pool.volume(own('appvms/base/private'));
    await source.create();
    await writeFile(join(mountOf(await source.start(IDS)).upper ?? '', 'a'), 'a');
    await source.stop();
    const snapshot = pool.volume(snapshotOf('appvms/base/private', 'appvms/disp1/private'));
    const attachment = await snapshot.start(OTHER_IDS);
    await whileMounted(await source.start(IDS), (root) => writeFile(join(root, 'b'), 'b'));
    await source.stop();
    await pool.idle();
    expect(await whileMounted(attachment, (root) => readdir(root))).toEqual(['a']);
    expect(await readdir(join(pools.path(), '.layers'))).toHaveLength(2);
    await snapshot.stop();
    await pool.idle();
    expect(await readdir(join(pools.path(), '.layers'))).toHaveLength(1);
    const { lower, upper = '' } = mountOf(await source.start(IDS));
    expect(lower).toEqual([]);
    expect((await readdir(upper)).sort()).toEqual(['a', 'b']);
    await source.stop();
  });

  it('below what a running snapshot shows are left alone too', async () => {
    const pool = await pools.open();
    const kept = pool.volume(own('appvms/base/private', 1));
    await kept.create();
    for (const name of ['a', 'b']) {
      await whileMounted(await kept.start(IDS), (root) => writeFile(join(root, name), name));
      await kept.stop();
    }
    const snapshot = pool.volume(snapshotOf('appvms/base/private', 'appvms/disp1/private'));
    const attachment = await snapshot.start(OTHER_IDS);
    const plain = pool.volume(own('appvms/base/private', 0));
    await whileMounted(await plain.start(IDS), (root) => rm(join(root, 'a')));
    await plain.stop();
    await pool.idle();
    for (const { path } of mountOf(attachment).lower) expect(await readdir(path)).toHaveLength(1);
    expect(await readdir(join(pools.path(), '.layers'))).toHaveLength(3);
    await snapshot.stop();
    await pool.idle();
    expect(await readdir(join(pools.path(), '.layers'))).toHaveLength(1);
    const { upper = '' } = mountOf(await plain.start(IDS));
    expect(await readdir(upper)).toEqual(['b']);
    await plain.stop();
  });

  it('leave nothing when everything is removed', async () => {
    const pool = await pools.open();
    const source = pool.volume(own('vm-templates/t/root', 2));
    await source.create();
    await source.populate(template);
    const clone = pool.volume(own('vm-templates/u/root', 2));
    await clone.create();
    await clone.cloneFrom(source);
    for (const volume of [source, clone, source, clone]) {
      await volume.start(IDS);
      await volume.stop();
    }
    await source.remove();
    await clone.remove();
    await pool.idle();
    for (const name of ['.layers', '.new', '.trash'])
      expect(await readdir(join(pools.path(), name))).toEqual([]);
    expect((await readdir(pools.path())).sort()).toEqual(['.layers', '.new', '.trash']);
  });

  it('are copied to a clone in another pool, with owners, modes, holes and what overlays say', async () => {
    const [pool, other] = [await pools.open(), await pools.open('other')];
    const source = pool.volume(own('appvms/a/private', 1));
    await source.create();
    const { upper = '' } = mountOf(await source.start(IDS));
    await writeFile(join(upper, 'program'), 'x');
    await chown(join(upper, 'program'), IDS.start + 7, IDS.start + 8);
    await chmod(join(upper, 'program'), 0o4711);
    await writeFile(join(upper, 'gone'), 'x');
    await source.stop();
    await whileMounted(await source.start(IDS), async (root) => {
      await rm(join(root, 'gone'));
    });
    await source.stop();
    const clone = other.volume(own('appvms/b/private'));
    await clone.create();
    await clone.cloneFrom(source);
    await source.remove();
    const attachment = await clone.start(IDS);
    await whileMounted(attachment, async (root) => {
      expect(await readdir(root)).toEqual(['program']);
      const program = await lstat(join(root, 'program'));
      expect(program).toMatchObject({ uid: IDS.start + 7, gid: IDS.start + 8 });
      expect(program.mode & 0o7777).toBe(0o4711);
    });
    await clone.stop();
  });
});
