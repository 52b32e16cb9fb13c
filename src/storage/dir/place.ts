import { chmod, lchown, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

/** Passable, not listable: what runs as a domain's root must reach the trees, and learn no names on the way. */
export const PASSABLE = 0o711;
/** Only root passes: below it lie set-user-id programs that belong to the host's root. */
export const ROOT_ONLY = 0o700;

/**
 * Where a pool keeps what, below its `dir_path`:
 *
 * - `VID/.volume`: the volume exists; which layers it is made of ({@link VolumeRecord}).
 * - `VID/.run/`: the volume is started ({@link Run}).
 * - `.layers/ID/`: the layers of all volumes ({@link LayerStore}).
 * - `.new/`: what is being made; `.trash/`: what is being deleted. Both are swept at start.
 *
 * All on one file system, so that everything appears and disappears by a rename.
 */
export class Place {
  readonly path: string;
  #made = 0;
  readonly #era = Date.now().toString(36);

  constructor(path: string) {
    this.path = path;
  }

  get layers(): string {
    return join(this.path, '.layers');
  }
  get unfinished(): string {
    return join(this.path, '.new');
  }
  get trash(): string {
    return join(this.path, '.trash');
  }
  volume(vid: string): string {
    return join(this.path, vid);
  }
  layer(id: string): string {
    return join(this.layers, id);
  }

  /** A name never given before by this place, nor in an earlier life of the daemon. */
  uniqueName(): string {
    this.#made += 1;
    return `${this.#era}-${this.#made.toString(36)}`;
  }

  /** Whether a name that ends with a unique name was given by this place, and not in an earlier life. */
  madeByThisLife(name: string): boolean {
    return name.slice(name.lastIndexOf('+') + 1).startsWith(`${this.#era}-`);
  }

  /** Makes the pool's own directories. */
  async make(): Promise<void> {
    for (const path of [this.path, this.layers, this.unfinished, this.trash]) {
      await mkdir(path, { recursive: true });
      await chmod(path, PASSABLE);
    }
    // Mounts are made by root, and what runs in a domain sees only those: nobody else has business in here.
    await chmod(this.path, ROOT_ONLY);
  }
}

/** A new directory with exactly this mode and owner, whatever the umask. */
export async function makeDirectory(path: string, mode: number, uid: number, gid = uid): Promise<void> {
  await mkdir(path);
  await lchown(path, uid, gid);
  await chmod(path, mode);
}

/** Makes the names in a directory survive a power loss. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
