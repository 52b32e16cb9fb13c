import { lstat, open, readdir, readlink, rename, rmdir, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StoragePoolException } from '../../base/errors.ts';
import { unless } from './failure.ts';
import { flatVid, isLayerId, type LayerUser, layerUser } from './layer-id.ts';
import { makeDirectory, PASSABLE, type Place, ROOT_ONLY, syncDirectory } from './place.ts';
import { partName, targetOf } from './targets.ts';
import type { Trash } from './trash.ts';

/** One layer, as it lies on disk. */
export interface StoredLayer {
  readonly id: string;
  readonly path: string;
  /** The layer this one was written over. */
  readonly below: string | null;
  /** The ids of its files count from here: the owner of the layer's directory, which no domain ever sees. */
  readonly idStart: number;
  /** Mount targets this layer has a tree for. */
  readonly trees: ReadonlySet<string>;
  /** Mount targets that show a directory of the host. */
  readonly host: ReadonlyMap<string, string>;
}

/**
 * The layers of a pool: `.layers/ID/` holds `tree` (and `tree+usr`, …) with the files, `work` beside each, `below`, a
 * symbolic link to the layer it was written over, and `users/`, an empty file for each who needs the layer.
 *
 * What a layer holds changes only while its sole user writes it in place, or when layers are folded. Who uses it is
 * found in its own directory, so nothing here grows with the number of volumes. The last user to go takes the layer
 * with it: `users/` can be removed only when it is empty, and once it is, nobody can be added.
 */
export class LayerStore {
  readonly #place: Place;
  readonly #trash: Trash;
  readonly #known = new Map<string, StoredLayer>();

  constructor(place: Place, trash: Trash) {
    this.#place = place;
    this.#trash = trash;
  }

  /**
   * Makes a layer visible that was prepared in a directory of `.new`: its trees, and `host` links. It is used by
   * `user` and survives a power loss. `below` must have a user that outlives this call.
   */
  async add(prepared: string, vid: string, below: string | null, user: LayerUser): Promise<string> {
    const id = `${flatVid(vid)}+${this.#place.uniqueName()}`;
    const users = join(prepared, 'users');
    await makeDirectory(users, ROOT_ONLY, process.getuid?.() ?? 0);
    await touch(join(users, user));
    if (below !== null) {
      await symlink(`../${below}`, join(prepared, 'below'));
      await this.addUser(below, layerUser(id));
    }
    await Promise.all([syncDirectory(users), syncDirectory(prepared)]);
    await rename(prepared, this.#place.layer(id));
    await syncDirectory(this.#place.layers);
    return id;
  }

  /** Throws StoragePoolException when there is no such layer. */
  async get(id: string): Promise<StoredLayer> {
    const known = this.#known.get(id);
    if (known) return known;
    const layer = await this.#read(id);
    this.#known.set(id, layer);
    return layer;
  }

  /** The layers of a state, topmost first; none for null. */
  async chain(tip: string | null): Promise<StoredLayer[]> {
    const chain: StoredLayer[] = [];
    for (let id = tip; id !== null; ) {
      const layer = await this.get(id);
      chain.push(layer);
      id = layer.below;
    }
    return chain;
  }

  async users(id: string): Promise<string[]> {
    return (await unless('ENOENT', readdir(this.#users(id)))) ?? [];
  }

  /** Harmless to repeat. */
  addUser(id: string, user: LayerUser): Promise<void> {
    return touch(join(this.#users(id), user));
  }

  /** Removes the layer, and what it alone kept below it, when nobody else uses it. Harmless to repeat. */
  async dropUser(id: string, user: string): Promise<void> {
    await unless('ENOENT', unlink(join(this.#users(id), user)));
    await this.removeIfUnused(id);
  }

  async removeIfUnused(id: string): Promise<void> {
    const emptied = await unless(
      ['ENOTEMPTY', 'EEXIST', 'ENOENT'],
      rmdir(this.#users(id)).then(() => true),
    );
    const interrupted = !emptied && (await this.#lostItsUsers(id));
    if (!emptied && !interrupted) return;
    const below = await unless('ENOENT', readlink(join(this.#place.layer(id), 'below')));
    this.forget(id);
    await this.#trash.take(this.#place.layer(id));
    if (below !== undefined) await this.dropUser(below.replace('../', ''), layerUser(id));
  }

  /** Reads the layer anew next time: it was changed on disk. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  async list(): Promise<string[]> {
    return (await readdir(this.#place.layers)).filter(isLayerId);
  }

  #users(id: string): string {
    return join(this.#place.layer(id), 'users');
  }

  /** A crash came between removing `users` and removing the layer. */
  async #lostItsUsers(id: string): Promise<boolean> {
    const names = await unless('ENOENT', readdir(this.#place.layer(id)));
    return names !== undefined && !names.includes('users');
  }

  async #read(id: string): Promise<StoredLayer> {
    const path = this.#place.layer(id);
    const names = await unless('ENOENT', readdir(path));
    if (!names)
      throw new StoragePoolException(`${path} is missing; restore the volume from a backup, or remove it`);
    const trees = new Set<string>();
    const host = new Map<string, string>();
    for (const name of names) {
      const tree = targetOf('tree', name);
      const shown = targetOf('host', name);
      if (tree !== undefined) trees.add(tree);
      if (shown !== undefined) host.set(shown, await readlink(join(path, name)));
    }
    const below = names.includes('below') ? (await readlink(join(path, 'below'))).replace('../', '') : null;
    if (below !== null && !isLayerId(below)) throw new StoragePoolException(`${path}/below is damaged`);
    return { id, path, below, idStart: (await lstat(path)).uid, trees, host };
  }
}

/** The mode of the directory of a layer whose ids count from `idStart`. */
export function layerMode(idStart: number): number {
  return idStart === 0 ? ROOT_ONLY : PASSABLE;
}

/** Where a layer keeps the tree for this target. */
export function treeOf(layer: StoredLayer, target: string): string {
  return join(layer.path, partName('tree', target));
}

async function touch(path: string): Promise<void> {
  const file = await open(path, 'a', 0o600);
  await file.close();
}
