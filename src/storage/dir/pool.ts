import { readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { StoragePoolException } from '../../base/errors.ts';
import type { Pool } from '../pool.ts';
import type { TreeVolume } from '../tree-source.ts';
import type { VolumeConfig } from '../volume.ts';
import { checkVolumeConfig } from '../volume-config.ts';
import { DirContext } from './context.ts';
import { explained, unless } from './failure.ts';
import { sweep } from './sweep.ts';
import { DirVolume } from './volume.ts';

/** statfs's number for overlay, on which no upper layer can lie. */
const OVERLAY_MAGIC = 0x794c7630;

/** A pool of the `dir` driver: volumes as directory trees below `dir_path`. See {@link Place} for what lies where. */
export class DirPool implements Pool {
  readonly name: string;
  readonly driver = 'dir';
  readonly config: Readonly<Record<string, string>>;
  readonly #context: DirContext;

  /** `config` checked by the driver. */
  constructor(name: string, config: Readonly<Record<string, string>>, path: string) {
    this.name = name;
    this.config = config;
    this.#context = new DirContext(name, path);
  }

  /** Also sweeps up, in the background, what a crash left; volumes may be used meanwhile. */
  setup(): Promise<void> {
    const { place, trash, chores } = this.#context;
    return explained(`Pool '${this.name}' cannot use ${place.path}`, async () => {
      await place.make();
      if ((await statfs(place.path)).type === OVERLAY_MAGIC)
        throw new StoragePoolException(
          `Pool '${this.name}' cannot use ${place.path}: it lies on an overlay file system, which cannot carry ` +
            'another; choose a dir_path on ext4, xfs, btrfs or tmpfs (in a container: a mounted volume)',
        );
      await trash.sweep();
      chores.start('.sweep', (signal) => sweep(this.#context, signal));
    });
  }

  volume(config: VolumeConfig): TreeVolume {
    checkVolumeConfig(config);
    return new DirVolume(this.#context, config);
  }

  list(): Promise<readonly string[]> {
    return explained(`Pool '${this.name}' cannot list its volumes`, async () => {
      const vids = await Array.fromAsync(vidsBelow(this.#context.place.path, ''));
      return vids.sort();
    });
  }

  usage(): Promise<{ readonly size: number; readonly used: number }> {
    return explained(`Pool '${this.name}' cannot measure its file system`, async () => {
      const { bsize, blocks, bfree } = await statfs(this.#context.place.path);
      return { size: blocks * bsize, used: (blocks - bfree) * bsize };
    });
  }

  /** Resolves when no deletion, fold or sweep is under way. */
  async idle(): Promise<void> {
    await this.#context.chores.idle();
    await this.#context.trash.empty();
  }
}

/** Directories that hold a record or a run; names with a leading dot are the driver's own. */
async function* vidsBelow(path: string, vid: string): AsyncGenerator<string> {
  const entries = (await unless('ENOENT', readdir(path, { withFileTypes: true }))) ?? [];
  if (vid !== '' && entries.some(({ name }) => name === '.volume' || name === '.run')) yield vid;
  for (const entry of entries) {
    if (entry.isDirectory() && !entry.name.startsWith('.'))
      yield* vidsBelow(join(path, entry.name), vid === '' ? entry.name : `${vid}/${entry.name}`);
  }
}
