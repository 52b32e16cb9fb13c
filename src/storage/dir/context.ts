import type { VolumeConfig } from '../volume.ts';
import { Chores } from './chores.ts';
import { LayerStore } from './layer-store.ts';
import { Locks } from './locks.ts';
import { Place } from './place.ts';
import { Trash } from './trash.ts';

/** What the volumes of one pool share. */
export class DirContext {
  readonly pool: string;
  readonly place: Place;
  readonly trash: Trash;
  readonly layers: LayerStore;
  /** By vid. Whoever reads or changes what a volume is made of holds its lock. */
  readonly locks = new Locks();
  readonly chores = new Chores();

  constructor(pool: string, path: string) {
    this.pool = pool;
    this.place = new Place(path);
    this.trash = new Trash(this.place);
    this.layers = new LayerStore(this.place, this.trash);
  }
}

/** One volume, as the parts of this driver hand it around. */
export interface Subject {
  readonly vid: string;
  /** Its directory. */
  readonly path: string;
  readonly config: VolumeConfig;
}
