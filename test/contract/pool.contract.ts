import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  QubesException,
  QubesVolumeRevisionNotFoundError,
  StoragePoolException,
} from '../../src/base/errors.ts';
import type { Pool } from '../../src/storage/pool.ts';
import type { Attachment, IdRange, Volume, VolumeConfig } from '../../src/storage/volume.ts';

/** How the suite looks into what a driver hands out. */
export interface PoolWorld {
  readonly pool: Pool;
  /** The same place after the daemon died and came back. */
  reopen(): Promise<Pool>;
  /** As the domain whose volume this is. */
  write(attachment: Attachment, path: string, text: string): Promise<void>;
  remove(attachment: Attachment, path: string): Promise<void>;
  /** Undefined when there is no such file. */
  read(attachment: Attachment, path: string): Promise<string | undefined>;
  close(): Promise<void>;
}

const IDS: IdRange = { start: 300 * 65_536, length: 65_536 };
const OTHER_IDS: IdRange = { start: 301 * 65_536, length: 65_536 };

const own = (vid: string, revisionsToKeep = 0): VolumeConfig => ({
  name: 'private',
  vid,
  size: 1024 * 1024,
  rw: true,
  snapOnStart: false,
  saveOnStop: true,
  revisionsToKeep,
});
const snapshotOf = (source: string, vid: string): VolumeConfig => ({
  ...own(vid),
  name: 'root',
  snapOnStart: true,
  saveOnStop: false,
  source,
});
const volatile = (vid: string): VolumeConfig => ({ ...own(vid), name: 'volatile', saveOnStop: false });

/** What every storage driver promises; see `src/storage/volume.ts`. */
export function describePool(driver: string, open: () => Promise<PoolWorld>): void {
  describe(`pool driver ${driver}`, () => {
    let world: PoolWorld;
    let pool: Pool;
    beforeEach(async () => {
      world = await open();
      pool = world.pool;
    });
    afterEach(() => world.close());

    /** Starts, lets the domain write, stops. */
    async function session(volume: Volume, files: Record<string, string>, ids = IDS): Promise<void> {
      const attachment = await volume.start(ids);
      for (const [path, text] of Object.entries(files)) await world.write(attachment, path, text);
      await volume.stop();
    }
    /** What the next start shows of a file. */
    async function shown(volume: Volume, path: string, ids = IDS): Promise<string | undefined> {
      const attachment = await volume.start(ids);
      const text = await world.read(attachment, path);
      await volume.stop();
      return text;
    }
    async function created(config: VolumeConfig): Promise<Volume> {
      const volume = pool.volume(config);
      await volume.create();
      return volume;
    }

    describe('identity', () => {
      it.each([
        '/etc',
        '../other',
        'a/../../b',
        'a/..',
        '.',
        '',
        'a//b',
        'a/',
        '.layers/x',
        'a/.volume',
        'a\0b',
        'a b',
        'ä',
        '-rf',
        'a'.repeat(161),
      ])('refuses the vid %j', (vid) => {
        expect(() => pool.volume(own(vid))).toThrow(StoragePoolException);
        expect(() => pool.volume(snapshotOf(vid, 'appvms/work/root'))).toThrow(StoragePoolException);
      });

      it('refuses combinations of flags that mean nothing', () => {
        const { source: _, ...sourceless } = snapshotOf('a/root', 'b/root');
        expect(() => pool.volume(sourceless)).toThrow(StoragePoolException);
        expect(() => pool.volume({ ...own('b/root'), source: 'a/root' })).toThrow(StoragePoolException);
        expect(() => pool.volume({ ...snapshotOf('a/root', 'b/root'), saveOnStop: true })).toThrow(
          StoragePoolException,
        );
        expect(() => pool.volume(snapshotOf('a/root', 'a/root'))).toThrow(StoragePoolException);
        expect(() => pool.volume(own('a/root', -1))).toThrow(StoragePoolException);
      });

      it('lists the volumes that exist, nested ones too', async () => {
        await created(own('appvms/work/private'));
        await created(own('appvms/work'));
        expect(await pool.list()).toEqual(['appvms/work', 'appvms/work/private']);
        await pool.volume(own('appvms/work')).remove();
        expect(await pool.list()).toEqual(['appvms/work/private']);
        await pool.volume(own('appvms/work/private')).remove();
        expect(await pool.list()).toEqual([]);
      });

      it('tells how large the place is', async () => {
        const { size, used } = await pool.usage();
        expect(used).toBeGreaterThan(0);
        expect(size).toBeGreaterThanOrEqual(used);
      });
    });

    describe('a volume that keeps what is written', () => {
      it('starts empty and shows at the next start what was written', async () => {
        const volume = await created(own('appvms/work/private'));
        expect(await shown(volume, 'note')).toBeUndefined();
        await session(volume, { note: 'first', 'dir/deep/file': 'second' });
        expect(await shown(volume, 'note')).toBe('first');
        expect(await shown(volume, 'dir/deep/file')).toBe('second');
      });

      it.each([0, 1, 3])(
        'keeps changes and deletions over many sessions, with %i revisions',
        async (revisions) => {
          const volume = await created(own('appvms/work/private', revisions));
          for (let round = 0; round < 5; round += 1) {
            const attachment = await volume.start(IDS);
            if (round > 0) await world.remove(attachment, `d/${round - 1}`);
            await world.write(attachment, `d/${round}`, `round ${round}`);
            await volume.stop();
          }
          const attachment = await volume.start(IDS);
          expect(await world.read(attachment, 'd/4')).toBe('round 4');
          for (const gone of [0, 1, 2, 3]) expect(await world.read(attachment, `d/${gone}`)).toBeUndefined();
          await volume.stop();
        },
      );

      it('must be created before it is started', async () => {
        await expect(pool.volume(own('appvms/none/private')).start(IDS)).rejects.toThrow(
          /appvms\/none\/private.*create/,
        );
      });

      it('stays as it is when created again', async () => {
        const volume = await created(own('appvms/work/private'));
        await session(volume, { note: 'kept' });
        await volume.create();
        expect(await shown(volume, 'note')).toBe('kept');
      });

      it('exists from when it is made until it is removed', async () => {
        const volume = pool.volume(own('appvms/work/private'));
        expect(await volume.exists()).toBe(false);
        await volume.create();
        expect(await volume.exists()).toBe(true);
        await volume.remove();
        expect(await volume.exists()).toBe(false);
      });

      it('is dirty exactly while started', async () => {
        const volume = await created(own('appvms/work/private'));
        expect(await volume.isDirty()).toBe(false);
        await volume.start(IDS);
        expect(await volume.isDirty()).toBe(true);
        expect(await volume.isOutdated()).toBe(false);
        await volume.stop();
        expect(await volume.isDirty()).toBe(false);
      });

      it('counts what it uses', async () => {
        const volume = await created(own('appvms/work/private'));
        const empty = await volume.usage();
        await session(volume, { large: 'x'.repeat(200_000) });
        expect((await volume.usage()) - empty).toBeGreaterThanOrEqual(200_000);
      });

      it('grows and never shrinks', async () => {
        const volume = await created(own('appvms/work/private'));
        await volume.resize(4 * 1024 * 1024);
        await expect(volume.resize(2 * 1024 * 1024)).rejects.toThrow(/never gets smaller/);
        await expect(volume.resize(Number.NaN)).rejects.toThrow(StoragePoolException);
        await volume.importData(tar([{ name: 'big', text: 'x'.repeat(2 * 1024 * 1024) }]));
        expect(await shown(volume, 'big')).toHaveLength(2 * 1024 * 1024);
      });
    });

    describe('removal', () => {
      it('takes everything, and nothing comes back with the name', async () => {
        const volume = await created(own('appvms/work/private', 2));
        await session(volume, { secret: '1' });
        await session(volume, { secret: '2' });
        await volume.remove();
        expect(await pool.list()).toEqual([]);
        await volume.create();
        expect(await shown(volume, 'secret')).toBeUndefined();
        expect(await volume.revisions()).toEqual([]);
      });

      it('may be repeated, and asked for what never was', async () => {
        const volume = await created(own('appvms/work/private'));
        await volume.remove();
        await volume.remove();
        await pool.volume(own('appvms/never/private')).remove();
        expect(await pool.list()).toEqual([]);
      });

      it('is refused while started', async () => {
        const volume = await created(own('appvms/work/private'));
        const attachment = await volume.start(IDS);
        await expect(volume.remove()).rejects.toThrow(/appvms\/work\/private.*in use/);
        await world.write(attachment, 'note', 'still here');
        await volume.stop();
        expect(await shown(volume, 'note')).toBe('still here');
      });

      it('of a source leaves its running snapshots whole', async () => {
        const source = await created(own('vm-templates/t/root'));
        await session(source, { file: 'from the template' });
        const snapshot = pool.volume(snapshotOf('vm-templates/t/root', 'appvms/work/root'));
        const attachment = await snapshot.start(IDS);
        await source.remove();
        expect(await world.read(attachment, 'file')).toBe('from the template');
        await snapshot.stop();
        await expect(snapshot.start(IDS)).rejects.toThrow(/vm-templates\/t\/root.*does not exist/);
      });
    });

    describe('a snapshot', () => {
      let source: Volume;
      let snapshot: Volume;
      beforeEach(async () => {
        source = await created(own('vm-templates/t/root', 1));
        await session(source, { 'etc/hostname': 'template', 'etc/issue': 'hello' });
        snapshot = await created(snapshotOf('vm-templates/t/root', 'appvms/work/root'));
      });

      it('shows the source, forgets what was written, and leaves the source alone', async () => {
        const attachment = await snapshot.start(IDS);
        expect(await world.read(attachment, 'etc/hostname')).toBe('template');
        await world.write(attachment, 'etc/hostname', 'work');
        await world.remove(attachment, 'etc/issue');
        expect(await world.read(attachment, 'etc/hostname')).toBe('work');
        expect(await world.read(attachment, 'etc/issue')).toBeUndefined();
        await snapshot.stop();
        expect(await shown(snapshot, 'etc/hostname')).toBe('template');
        expect(await shown(source, 'etc/issue')).toBe('hello');
      });

      it('exists only while started', async () => {
        expect(await pool.list()).toEqual(['vm-templates/t/root']);
        await snapshot.start(IDS);
        expect(await pool.list()).toEqual(['appvms/work/root', 'vm-templates/t/root']);
        await expect(snapshot.remove()).rejects.toThrow(/in use/);
        await snapshot.stop();
        await snapshot.remove();
        expect(await pool.list()).toEqual(['vm-templates/t/root']);
      });

      it('is outdated once the source has a newer state, which only its next start shows', async () => {
        const attachment = await snapshot.start(IDS);
        expect(await snapshot.isOutdated()).toBe(false);
        await session(source, { 'etc/hostname': 'newer' }, OTHER_IDS);
        expect(await snapshot.isOutdated()).toBe(true);
        expect(await world.read(attachment, 'etc/hostname')).toBe('template');
        await snapshot.stop();
        expect(await snapshot.isOutdated()).toBe(false);
        expect(await shown(snapshot, 'etc/hostname')).toBe('newer');
      });

      it('of a started source that keeps revisions is of its last committed state', async () => {
        const written = await source.start(OTHER_IDS);
        await world.write(written, 'etc/hostname', 'unfinished');
        expect(await shown(snapshot, 'etc/hostname')).toBe('template');
        await source.stop();
        expect(await shown(snapshot, 'etc/hostname')).toBe('unfinished');
      });

      it('of a source written in place is refused, with what to do', async () => {
        const plain = await created(own('vm-templates/p/root'));
        await session(plain, { file: '1' });
        const ofPlain = pool.volume(snapshotOf('vm-templates/p/root', 'appvms/p/root'));
        await plain.start(IDS);
        await expect(ofPlain.start(OTHER_IDS)).rejects.toThrow(/shut its domain down.*revisions_to_keep/);
        expect(await ofPlain.isDirty()).toBe(false);
        await plain.stop();
        expect(await shown(ofPlain, 'file', OTHER_IDS)).toBe('1');
      });

      it('does not hold up its source: both are written side by side, also without revisions', async () => {
        const plain = await created(own('appvms/base/private'));
        await session(plain, { file: 'base' });
        const disposable = pool.volume(snapshotOf('appvms/base/private', 'appvms/disp1/private'));
        const seen = await disposable.start(OTHER_IDS);
        await session(plain, { file: 'changed' });
        expect(await world.read(seen, 'file')).toBe('base');
        await disposable.stop();
        expect(await shown(plain, 'file')).toBe('changed');
      });

      it('of a volume nothing was ever written to is empty', async () => {
        await created(own('appvms/new/private'));
        const disposable = pool.volume(snapshotOf('appvms/new/private', 'appvms/disp1/private'));
        const attachment = await disposable.start(OTHER_IDS);
        await world.write(attachment, 'file', 'mine');
        await disposable.stop();
        expect(await shown(disposable, 'file', OTHER_IDS)).toBeUndefined();
      });

      it('keeps nothing that could be replaced', async () => {
        await expect(snapshot.importData(tar([]))).rejects.toThrow(StoragePoolException);
        await expect(snapshot.cloneFrom(source)).rejects.toThrow(StoragePoolException);
      });

      it('can be taken many times at once', async () => {
        const many = Array.from({ length: 12 }, (_, index) =>
          pool.volume(snapshotOf('vm-templates/t/root', `appvms/disp${index}/root`)),
        );
        const attachments = await Promise.all(
          many.map((one, index) => one.start({ start: (400 + index) * 65_536, length: 65_536 })),
        );
        for (const attachment of attachments)
          expect(await world.read(attachment, 'etc/hostname')).toBe('template');
        await Promise.all(many.map((one) => one.stop()));
        await Promise.all(many.map((one) => one.remove()));
        expect(await pool.list()).toEqual(['vm-templates/t/root']);
      });
    });

    it('a volatile volume is new at every start', async () => {
      const volume = await created(volatile('appvms/work/volatile'));
      await session(volume, { swap: 'x' });
      expect(await shown(volume, 'swap')).toBeUndefined();
      expect(await pool.list()).toEqual([]);
      await volume.remove();
    });

    it('a volume that may not be written shows its state', async () => {
      const writer = await created(own('images/kernel'));
      await session(writer, { vmlinuz: 'code' });
      const reader = pool.volume({ ...own('images/kernel'), rw: false, saveOnStop: false });
      expect(await shown(reader, 'vmlinuz', OTHER_IDS)).toBe('code');
    });

    describe('revisions', () => {
      it('are earlier states, oldest first, no more than asked for', async () => {
        const volume = await created(own('appvms/work/private', 2));
        const before = Date.now();
        for (const text of ['1', '2', '3', '4']) await session(volume, { file: text });
        const revisions = await volume.revisions();
        expect(revisions).toHaveLength(2);
        expect(revisions.map(({ id }) => id)).toEqual([...new Set(revisions.map(({ id }) => id))].sort());
        for (const { id, time } of revisions) {
          expect(id).toMatch(/^[0-9]+$/);
          expect(Math.abs(time.getTime() - before)).toBeLessThan(60_000);
        }
        await volume.revert(revisions[0]?.id);
        expect(await shown(volume, 'file')).toBe('2');
      });

      it('revert to the newest when none is named, and back again', async () => {
        const volume = await created(own('appvms/work/private', 2));
        await session(volume, { file: 'old' });
        await session(volume, { file: 'new', added: 'x' });
        await volume.revert();
        const attachment = await volume.start(IDS);
        expect(await world.read(attachment, 'file')).toBe('old');
        expect(await world.read(attachment, 'added')).toBeUndefined();
        await volume.stop();
        const left = await volume.revisions();
        expect(left.length).toBeGreaterThan(0);
        await volume.revert(left[0]?.id);
        expect(await shown(volume, 'file')).toBe('new');
      });

      it('refuse a revert to what is not there, and while started', async () => {
        const volume = await created(own('appvms/work/private', 1));
        await expect(volume.revert()).rejects.toThrow(QubesVolumeRevisionNotFoundError);
        await session(volume, { file: '1' });
        await session(volume, { file: '2' });
        await expect(volume.revert('12')).rejects.toThrow(QubesVolumeRevisionNotFoundError);
        await expect(volume.revert('../..')).rejects.toThrow(QubesVolumeRevisionNotFoundError);
        await volume.start(IDS);
        await expect(volume.revert()).rejects.toThrow(/in use/);
        await volume.stop();
        expect(await shown(volume, 'file')).toBe('2');
      });

      it('are dropped when fewer are kept', async () => {
        const volume = await created(own('appvms/work/private', 3));
        for (const text of ['1', '2', '3']) await session(volume, { file: text });
        await session(pool.volume(own('appvms/work/private', 1)), { file: '4' });
        expect(await volume.revisions()).toHaveLength(1);
        await volume.revert();
        expect(await shown(volume, 'file')).toBe('3');
        await session(pool.volume(own('appvms/work/private', 0)), { file: '5' });
        expect(await volume.revisions()).toEqual([]);
        expect(await shown(volume, 'file')).toBe('5');
      });
    });

    describe('a clone', () => {
      it('has the content, and from then on a life of its own', async () => {
        const source = await created(own('appvms/a/private'));
        await session(source, { file: 'shared', other: 'x' });
        const clone = await created(own('appvms/b/private'));
        await clone.cloneFrom(source);
        await session(clone, { file: 'of b' }, OTHER_IDS);
        await session(source, { other: 'of a' });
        expect(await shown(source, 'file')).toBe('shared');
        expect(await shown(clone, 'file', OTHER_IDS)).toBe('of b');
        expect(await shown(clone, 'other', OTHER_IDS)).toBe('x');
        await source.remove();
        expect(await shown(clone, 'other', OTHER_IDS)).toBe('x');
      });

      it('keeps what it held before as a revision', async () => {
        const source = await created(own('appvms/a/private'));
        await session(source, { file: 'a' });
        const clone = await created(own('appvms/b/private', 5));
        await session(clone, { file: 'b' }, OTHER_IDS);
        await clone.cloneFrom(source);
        const [before] = await clone.revisions();
        expect(await shown(clone, 'file', OTHER_IDS)).toBe('a');
        await clone.revert(before?.id);
        expect(await shown(clone, 'file', OTHER_IDS)).toBe('b');
      });

      it('is refused from a source written in place, and into a started volume', async () => {
        const source = await created(own('appvms/a/private'));
        await session(source, { file: 'a' });
        const clone = await created(own('appvms/b/private'));
        await source.start(IDS);
        await expect(clone.cloneFrom(source)).rejects.toThrow(/shut its domain down/);
        await source.stop();
        await clone.start(OTHER_IDS);
        await expect(clone.cloneFrom(source)).rejects.toThrow(/in use/);
        await clone.stop();
        expect(await shown(clone, 'file', OTHER_IDS)).toBeUndefined();
      });

      it('may go back to a new volume of the name it came from', async () => {
        const source = await created(own('appvms/a/private'));
        await session(source, { file: 'a' });
        const clone = await created(own('appvms/b/private'));
        await clone.cloneFrom(source);
        await source.remove();
        await source.create();
        await source.cloneFrom(clone);
        await clone.remove();
        pool = await world.reopen();
        expect(await shown(pool.volume(own('appvms/a/private')), 'file')).toBe('a');
      });

      it('of each other at once neither hangs nor mixes', async () => {
        const a = await created(own('appvms/a/private'));
        const b = await created(own('appvms/b/private'));
        await session(a, { file: 'a' });
        await session(b, { file: 'b' });
        await Promise.all([a.cloneFrom(b), b.cloneFrom(a)]);
        expect(['a', 'b']).toContain(await shown(a, 'file'));
        expect(await shown(a, 'file')).toBe(await shown(b, 'file'));
      });
    });

    describe('data', () => {
      it('goes out and comes in as it was', async () => {
        const source = await created(own('appvms/a/private'));
        const text = 'x'.repeat(100_000);
        await session(source, { 'dir/file': text, removed: 'x', [`${'long/'.repeat(60)}name`]: 'deep' });
        const attachment = await source.start(IDS);
        await world.remove(attachment, 'removed');
        await source.stop();
        const bytes = await buffer(await source.exportData());
        const target = await created(own('appvms/b/private', 5));
        await session(target, { old: 'x' }, OTHER_IDS);
        await target.importData(Readable.from([bytes.subarray(0, 700), bytes.subarray(700)]));
        const seen = await target.start(OTHER_IDS);
        expect(await world.read(seen, 'dir/file')).toBe(text);
        expect(await world.read(seen, `${'long/'.repeat(60)}name`)).toBe('deep');
        expect(await world.read(seen, 'removed')).toBeUndefined();
        expect(await world.read(seen, 'old')).toBeUndefined();
        const [before] = await target.revisions();
        await target.stop();
        await target.revert(before?.id);
        expect(await shown(target, 'old', OTHER_IDS)).toBe('x');
      });

      it('of an empty volume is an empty archive', async () => {
        const source = await created(own('appvms/a/private'));
        const target = await created(own('appvms/b/private'));
        await target.importData(await source.exportData());
        expect(await shown(target, 'anything')).toBeUndefined();
      });

      it.each<[string, Readable, RegExp]>([
        ['an absolute path', tar([{ name: '/etc/passwd', text: 'x' }]), /absolute/],
        ['a path that climbs out', tar([{ name: 'a/../../x', text: 'x' }]), /leaves the tree/],
        ['a device', tar([{ name: 'sda', type: 'block-device' }]), /block-device/],
        ['a character device', tar([{ name: 'tty', type: 'character-device' }]), /character-device/],
        [
          'a hard link out of the tree',
          tar([{ name: 'x', type: 'link', linkname: '/etc/shadow' }]),
          /absolute/,
        ],
        ['a hard link that climbs', tar([{ name: 'x', type: 'link', linkname: '../x' }]), /leaves the tree/],
        [
          'a hard link to nothing',
          tar([{ name: 'x', type: 'link', linkname: 'none' }]),
          /no file of this archive/,
        ],
        [
          'a file below a file',
          tar([
            { name: 'a', text: 'x' },
            { name: 'a/b', text: 'x' },
          ]),
          /refused at/,
        ],
        ['ids outside a range', tar([{ name: 'a', text: 'x', uid: 70_000 }]), /70000/],
        ['more than the volume holds', tar([{ name: 'a', text: 'x'.repeat(1024 * 1024 + 1) }]), /resize/],
        [
          'too many files',
          tar(Array.from({ length: 1100 }, (_, n) => ({ name: `f${n}`, text: '' }))),
          /resize/,
        ],
        ['no archive', Readable.from([Buffer.alloc(4096, 'z')]), /tar archive/],
        ['half an archive', Readable.from([Buffer.alloc(100)]), /tar archive/],
        ['a stream that breaks', broken(), /wire cut/],
      ])('is refused when it has %s, and nothing changes', async (_what, untrustedData, message) => {
        const volume = await created(own('appvms/a/private', 1));
        await session(volume, { file: 'before' });
        const refusal = await volume.importData(untrustedData).then(
          () => undefined,
          (thrown) => thrown,
        );
        expect(refusal).toBeInstanceOf(QubesException);
        expect(refusal.message).toMatch(message);
        expect(await volume.revisions()).toEqual([]);
        expect(await shown(volume, 'file')).toBe('before');
      });

      it('is refused while started, and for a volume that does not exist', async () => {
        const volume = await created(own('appvms/a/private'));
        await volume.start(IDS);
        await expect(volume.importData(tar([]))).rejects.toThrow(/in use/);
        await volume.stop();
        await expect(pool.volume(own('appvms/none/private')).importData(tar([]))).rejects.toThrow(
          /create it first/,
        );
      });

      it('may be left unread', async () => {
        const volume = await created(own('appvms/a/private'));
        await session(volume, { large: 'x'.repeat(500_000) });
        (await volume.exportData()).destroy();
        for await (const _ of await volume.exportData()) break;
        await session(volume, { large: 'y' });
        expect(await shown(volume, 'large')).toBe('y');
      });
    });

    describe('after a crash', () => {
      it('a started volume is handed out again as it was', async () => {
        const volume = await created(own('appvms/work/private', 1));
        await session(volume, { file: 'old' });
        const attachment = await volume.start(IDS);
        await world.write(attachment, 'file', 'new');
        pool = await world.reopen();
        const again = pool.volume(own('appvms/work/private', 1));
        expect(await again.isDirty()).toBe(true);
        expect(await again.start(IDS)).toEqual(attachment);
        expect(await world.read(await again.start(IDS), 'file')).toBe('new');
        await again.stop();
        await again.stop();
        expect(await again.revisions()).toHaveLength(1);
        expect(await shown(again, 'file')).toBe('new');
      });

      it('a started snapshot is handed out again as it was, and stops once', async () => {
        const source = await created(own('vm-templates/t/root', 1));
        await session(source, { file: 'template' });
        const config = snapshotOf('vm-templates/t/root', 'appvms/work/root');
        const attachment = await pool.volume(config).start(IDS);
        await world.write(attachment, 'file', 'mine');
        await session(source, { file: 'newer' });
        pool = await world.reopen();
        const again = pool.volume(config);
        expect(await again.start(IDS)).toEqual(attachment);
        expect(await world.read(attachment, 'file')).toBe('mine');
        expect(await again.isOutdated()).toBe(true);
        await again.stop();
        await again.stop();
        expect(await shown(again, 'file')).toBe('newer');
      });

      it('a started volume is not handed to other ids', async () => {
        const volume = await created(own('appvms/work/private'));
        await volume.start(IDS);
        await expect(volume.start(OTHER_IDS)).rejects.toThrow(/stop it first/);
        await volume.stop();
        await volume.start(OTHER_IDS);
        await volume.stop();
      });

      it('what was there is there', async () => {
        const volume = await created(own('appvms/work/private', 1));
        await session(volume, { file: '1' });
        await session(volume, { file: '2' });
        pool = await world.reopen();
        expect(await pool.list()).toEqual(['appvms/work/private']);
        const again = pool.volume(own('appvms/work/private', 1));
        expect(await again.revisions()).toHaveLength(1);
        expect(await shown(again, 'file')).toBe('2');
      });
    });
  });
}

interface TestEntry extends Header {
  readonly text?: string;
}

/** An archive with these entries; files unless they say otherwise. */
export function tar(entries: readonly TestEntry[]): Readable {
  const archive = pack();
  for (const { text, ...header } of entries) {
    const content = Buffer.from(text ?? '');
    archive.entry({ type: 'file', mode: 0o644, ...header, size: content.length }).end(content);
  }
  archive.finalize();
  return Readable.from(archive);
}

function broken(): Readable {
  return Readable.from(
    (async function* () {
      yield await buffer(tar([{ name: 'a', text: 'x' }])).then((bytes) => bytes.subarray(0, 600));
      throw new StoragePoolException('wire cut');
    })(),
  );
}
