import type { Pool } from '../pool.ts';
import type { TreeMount, Volume, VolumeConfig } from '../volume.ts';
import { checkVolumeConfig } from '../volume-config.ts';
import type { MemoryTree } from './tree.ts';
import { type MemoryState, MemoryVolume } from './volume.ts';

/** Volumes in the daemon's own memory. Its trees have no place on a file system: `tree` finds them by their path. */
export class MemoryPool implements Pool {
  readonly name: string;
  readonly driver = 'memory';
  readonly config = {};
  readonly #states = new Map<string, MemoryState>();

  constructor(name: string) {
    this.name = name;
  }

  async setup(): Promise<void> {}

  volume(config: VolumeConfig): Volume {
    checkVolumeConfig(config);
    return new MemoryVolume(this.name, this.#states, config);
  }

  async list(): Promise<readonly string[]> {
    return [...this.#states.keys()].sort();
  }

  async usage(): Promise<{ readonly size: number; readonly used: number }> {
    const { heapTotal, heapUsed } = process.memoryUsage();
    return { size: heapTotal, used: heapUsed };
  }

  /** What a started volume's domain sees; changes to it are what the domain writes. */
  tree(mount: TreeMount): MemoryTree | undefined {
    for (const [vid, state] of this.#states) if (mount.upper === `memory:${vid}`) return state.running?.tree;
    return undefined;
  }
}
