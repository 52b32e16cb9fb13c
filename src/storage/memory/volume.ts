import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { printable, QubesVolumeRevisionNotFoundError, StoragePoolException } from '../../base/errors.ts';
import { readTar, refused } from '../tree-tar.ts';
import type { Attachment, IdRange, Revision, Volume, VolumeConfig } from '../volume.ts';
import { type MemoryTree, treeSize } from './tree.ts';

/** Everything a pool remembers of one volume. */
export interface MemoryState {
  /** The committed state. */
  tree: MemoryTree;
  /** Changes whenever the committed state does. */
  generation: number;
  revisions: { readonly time: number; readonly tree: MemoryTree }[];
  size: number;
  running?: MemoryRun;
}

interface MemoryRun {
  readonly tree: MemoryTree;
  readonly idStart: number;
  readonly sourceGeneration: number;
  /** What is written replaces the committed state, which is not kept. */
  readonly inPlace: boolean;
}

/** A volume of the `memory` driver: the same promises as on disk, kept in a Map. Symbolic and hard links are not. */
export class MemoryVolume implements Volume {
  readonly config: VolumeConfig;
  readonly #pool: string;
  readonly #states: Map<string, MemoryState>;

  constructor(pool: string, states: Map<string, MemoryState>, config: VolumeConfig) {
    this.#pool = pool;
    this.#states = states;
    this.config = config;
  }

  async create(): Promise<void> {
    if (this.#keeps && !this.#states.has(this.config.vid)) this.#states.set(this.config.vid, this.#empty());
  }

  async exists(): Promise<boolean> {
    return this.#keeps && this.#states.has(this.config.vid);
  }

  async remove(): Promise<void> {
    this.#refuseStarted('remove');
    this.#states.delete(this.config.vid);
  }

  async start(ids: IdRange): Promise<Attachment> {
    const { vid } = this.config;
    const running = this.#states.get(vid)?.running ?? this.#startFresh(ids);
    if (running.idStart !== ids.start)
      throw new StoragePoolException(
        `Volume '${vid}' is in use with ids from ${running.idStart}, not ${ids.start}; stop it first`,
      );
    return { kind: 'tree', mounts: [{ target: '/', lower: [], upper: `memory:${vid}` }] };
  }

  async stop(): Promise<void> {
    const state = this.#states.get(this.config.vid);
    if (!state?.running) return;
    if (!this.#keeps) {
      this.#states.delete(this.config.vid);
      return;
    }
    const keep = this.config.revisionsToKeep;
    if (this.config.rw) this.#commit(state, state.running.tree);
    state.revisions = keep > 0 ? state.revisions.slice(-keep) : [];
    delete state.running;
  }

  async cloneFrom(source: Volume): Promise<void> {
    if (source instanceof MemoryVolume) this.#replace(new Map(source.#committed()));
    else await this.importData(await source.exportData());
  }

  async revisions(): Promise<readonly Revision[]> {
    const revisions = this.#states.get(this.config.vid)?.revisions ?? [];
    return revisions.map(({ time }) => ({ id: String(time), time: new Date(time * 1000) }));
  }

  async revert(revision?: string): Promise<void> {
    this.#refuseStarted('revert');
    const state = this.#existing();
    const chosen =
      revision === undefined
        ? state.revisions.at(-1)
        : state.revisions.find(({ time }) => String(time) === revision);
    if (!chosen)
      throw new QubesVolumeRevisionNotFoundError(
        `Volume '${this.config.vid}' has no revision '${printable(revision ?? 'newest')}'`,
      );
    state.revisions = state.revisions.filter((one) => one !== chosen);
    this.#commit(state, chosen.tree, Math.max(this.config.revisionsToKeep, 1));
  }

  async resize(size: number): Promise<void> {
    if (!this.#keeps) return;
    const state = this.#existing();
    if (!Number.isSafeInteger(size) || size < Math.max(state.size, this.config.size))
      throw new StoragePoolException(
        `Volume '${this.config.vid}' cannot be resized to ${size} bytes: it never gets smaller`,
      );
    state.size = size;
  }

  async exportData(): Promise<Readable> {
    const archive = pack();
    for (const [name, { content, mode, uid, gid }] of this.#committed()) {
      archive
        .entry({ name, mode: mode | 0o100000, uid, gid, size: content.length, type: 'file' })
        .end(content);
    }
    archive.finalize();
    archive.on('error', () => {});
    return Readable.from(archive);
  }

  async importData(untrustedData: Readable): Promise<void> {
    try {
      this.#refuseStarted('import to');
      const limit = Math.max(this.#existing().size, this.config.size);
      const tree: MemoryTree = new Map();
      await readTar(untrustedData, limit, async ({ path, mode, uid, gid, ...entry }) => {
        const name = path.join('/');
        if (path.some((_, depth) => tree.has(path.slice(0, depth).join('/'))))
          throw refused(name, 'it lies below what is no directory');
        if (entry.type === 'file') tree.set(name, { content: await buffer(entry.content), mode, uid, gid });
        if (entry.type === 'hardlink') {
          const file = tree.get(entry.target.join('/'));
          if (!file)
            throw refused(entry.target.join('/'), 'a hard link to it, but it is no file of this archive');
          tree.set(name, file);
        }
      });
      this.#replace(tree);
    } finally {
      untrustedData.destroy();
    }
  }

  async usage(): Promise<number> {
    const state = this.#states.get(this.config.vid);
    if (!state) return 0;
    const trees = [state.tree, ...state.revisions.map(({ tree }) => tree)];
    return [...trees, state.running?.tree ?? new Map()].reduce((bytes, tree) => bytes + treeSize(tree), 0);
  }

  async isDirty(): Promise<boolean> {
    return this.#states.get(this.config.vid)?.running !== undefined;
  }

  async isOutdated(): Promise<boolean> {
    const { vid, source } = this.config;
    const running = this.#states.get(vid)?.running;
    if (!running || source === undefined) return false;
    return running.sourceGeneration !== this.#states.get(source)?.generation;
  }

  get #keeps(): boolean {
    return !this.config.snapOnStart && (this.config.saveOnStop || !this.config.rw);
  }

  #startFresh(ids: IdRange): MemoryRun {
    const { source } = this.config;
    const shown = source === undefined ? undefined : this.#sourceState(source);
    const state = this.#keeps ? this.#existing() : this.#empty();
    const tree = new Map((shown ?? state).tree);
    const inPlace =
      this.#keeps && this.config.rw && this.config.revisionsToKeep === 0 && state.generation > 0;
    const running = { tree, idStart: ids.start, sourceGeneration: shown?.generation ?? 0, inPlace };
    if (!this.config.rw && tree.size === 0)
      throw new StoragePoolException(
        `Volume '${this.config.vid}' is empty and may not be written: nothing to start`,
      );
    state.running = running;
    this.#states.set(this.config.vid, state);
    return running;
  }

  #sourceState(vid: string): MemoryState {
    const { source: _, ...own } = this.config;
    const config = { ...own, vid, snapOnStart: false, saveOnStop: true, rw: true };
    return new MemoryVolume(this.#pool, this.#states, config).#settled();
  }

  #committed(): MemoryTree {
    return this.#settled().tree;
  }

  /** As on disk: while a volume is written without keeping earlier states, no state of it is settled. */
  #settled(): MemoryState {
    const state = this.#existing();
    if (!state.running?.inPlace) return state;
    throw new StoragePoolException(
      `Volume '${this.config.vid}' is in use and written in place; shut its domain down, or set revisions_to_keep to 1`,
    );
  }

  #replace(tree: MemoryTree): void {
    this.#refuseStarted('replace the content of');
    this.#commit(this.#existing(), tree);
  }

  #commit(state: MemoryState, tree: MemoryTree, keep = this.config.revisionsToKeep): void {
    const newest = state.revisions.at(-1)?.time ?? 0;
    const time = Math.max(Math.floor(Date.now() / 1000), newest + 1);
    const isFirst = state.generation === 0;
    const revisions = isFirst ? state.revisions : [...state.revisions, { time, tree: state.tree }];
    state.revisions = keep > 0 ? revisions.slice(-keep) : [];
    state.tree = tree;
    state.generation += 1;
  }

  #refuseStarted(verb: string): void {
    if (this.#states.get(this.config.vid)?.running)
      throw new StoragePoolException(
        `Volume '${this.config.vid}' is in use; shut its domain down before you ${verb} it`,
      );
  }

  #existing(): MemoryState {
    const state = this.#states.get(this.config.vid);
    if (state) return state;
    throw new StoragePoolException(
      `Volume '${this.config.vid}' does not exist in pool '${this.#pool}'; create it first`,
    );
  }

  #empty(): MemoryState {
    return { tree: new Map(), generation: 0, revisions: [], size: this.config.size };
  }
}
