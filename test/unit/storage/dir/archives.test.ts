import {
  chmod,
  link,
  lstat,
  mkdir,
  readFile,
  readlink,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { whileMounted } from '../../../contract/mounted.ts';
import { tar } from '../../../contract/pool.contract.ts';
import { IDS, mountOf, own, usePools } from './place.ts';

const pools = usePools();

async function emptyVolume(vid = 'appvms/work/private') {
  const pool = await pools.open();
  const volume = pool.volume(own(vid));
  await volume.create();
  return volume;
}

describe('an archive that is imported', () => {
  it('may hold links that point anywhere, but nothing is written through them', async () => {
    const volume = await emptyVolume();
    const outside = join(pools.path(), '..', 'outside');
    await mkdir(outside);
    await expect(
      volume.importData(
        tar([
          { name: 'way', type: 'symlink', linkname: outside },
          { name: 'way/file', text: 'x' },
        ]),
      ),
    ).rejects.toThrow(/refused at 'way': it was a file or a link before/);
    await expect(
      volume.importData(
        tar([
          { name: 'way', type: 'symlink', linkname: outside },
          { name: 'way', type: 'directory' },
          { name: 'way/file', text: 'x' },
        ]),
      ),
    ).rejects.toThrow(/refused/);
    await writeFile(join(outside, 'secret'), 's');
    await expect(
      volume.importData(
        tar([
          { name: 'way', type: 'symlink', linkname: outside },
          { name: 'stolen', type: 'link', linkname: 'way/secret' },
        ]),
      ),
    ).rejects.toThrow(/no file of this archive/);
    expect((await stat(join(outside, 'secret'))).nlink).toBe(1);
    await volume.importData(tar([{ name: 'way', type: 'symlink', linkname: outside }]));
    const { lower } = mountOf(await volume.start(IDS));
    expect(await readlink(join(lower[0]?.path ?? '', 'way'))).toBe(outside);
    await volume.stop();
  });

  it('replaces a link by a file instead of writing through it', async () => {
    const volume = await emptyVolume();
    const victim = join(pools.path(), '..', 'victim');
    await writeFile(victim, 'untouched');
    await volume.importData(
      tar([
        { name: 'way', type: 'symlink', linkname: victim },
        { name: 'way', text: 'x' },
      ]),
    );
    expect(await readFile(victim, 'utf8')).toBe('untouched');
  });

  it('belongs to ids nothing runs with, so set-user-id programs in it are worth nothing', async () => {
    const volume = await emptyVolume();
    await volume.importData(tar([{ name: 'su', text: 'x', mode: 0o4755, uid: 0, gid: 0 }]));
    const { lower } = mountOf(await volume.start(IDS));
    const [layer] = lower;
    const program = await lstat(join(layer?.path ?? '', 'su'));
    expect(program.mode & 0o7777).toBe(0o4755);
    expect(program.uid).toBe(layer?.idStart);
    expect(layer?.idStart).toBe(256 * 65_536);
    await volume.stop();
  });

  it('belongs to the ids the volume had before, and is a plain directory again', async () => {
    const volume = await emptyVolume();
    await volume.start(IDS);
    await volume.stop();
    await volume.importData(tar([{ name: 'note', text: 'x', uid: 1000, gid: 1000 }]));
    const { lower, upper = '' } = mountOf(await volume.start(IDS));
    expect(lower).toEqual([]);
    expect(await stat(join(upper, 'note'))).toMatchObject({ uid: IDS.start + 1000, gid: IDS.start + 1000 });
    await volume.stop();
  });

  it('keeps holes as holes', async () => {
    const volume = await emptyVolume();
    await volume.importData(tar([{ name: 'disk', text: '\0'.repeat(8 * 1024 * 1024) }]));
    const { lower } = mountOf(await volume.start(IDS));
    const disk = await stat(join(lower[0]?.path ?? '', 'disk'));
    expect(disk.size).toBe(8 * 1024 * 1024);
    expect(disk.blocks * 512).toBeLessThan(1024 * 1024);
    await volume.stop();
  });
});

describe('an archive that is exported', () => {
  it('keeps links, modes, times and names, and counts ids from 0', async () => {
    const volume = await emptyVolume();
    const { upper = '' } = mountOf(await volume.start(IDS));
    await writeFile(join(upper, 'first'), 'text', { mode: 0o600 });
    await link(join(upper, 'first'), join(upper, 'second'));
    await symlink('/etc/\u00fcber', join(upper, 'link'));
    await writeFile(join(upper, 'shut'), 'x');
    await chmod(join(upper, 'shut'), 0);
    await mkdir(join(upper, 'ordner-\u00fc'), { mode: 0o750 });
    await writeFile(join(upper, 'sparse'), '');
    await truncate(join(upper, 'sparse'), 100_000);
    await volume.stop();
    const bytes = await buffer(await volume.exportData());
    const pool = await pools.open('other');
    const copy = pool.volume(own('appvms/b/private'));
    await copy.create();
    await copy.importData(Readable.from([bytes]));
    await whileMounted(await copy.start(IDS), async (root) => {
      const [first, second] = [await stat(join(root, 'first')), await stat(join(root, 'second'))];
      expect(first.ino).toBe(second.ino);
      expect(first.mode & 0o7777).toBe(0o600);
      expect(Math.abs(first.mtimeMs - Date.now())).toBeLessThan(60_000);
      expect(await readlink(join(root, 'link'))).toBe('/etc/\u00fcber');
      expect((await stat(join(root, 'shut'))).mode & 0o7777).toBe(0);
      expect((await stat(join(root, 'ordner-\u00fc'))).mode & 0o7777).toBe(0o750);
      expect((await stat(join(root, 'sparse'))).size).toBe(100_000);
    });
    await copy.stop();
  });

  it('says which name it cannot carry', async () => {
    const volume = await emptyVolume();
    const { upper = '' } = mountOf(await volume.start(IDS));
    await writeFile(Buffer.concat([Buffer.from(`${upper}/caf`), Buffer.of(0xe9)]), 'x');
    await volume.stop();
    await expect(volume.exportData().then(buffer)).rejects.toThrow(/not UTF-8.*caf\\xe9/);
    await volume.remove();
  });
});
