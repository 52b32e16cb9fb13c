import { QubesException } from '../../../base/errors.ts';
import { CommitQueue } from '../commit-queue.ts';
import { type RecordChange, storedRecord } from '../record.ts';
import type { Store, StoreChange, StoredRecord, StoreKey } from '../store.ts';

/** What stays when a MemoryStore goes: plays the part of the disk. */
export class MemoryState {
  /** Text by key. May be changed between two stores, to play a disk that lies. */
  readonly records = new Map<StoreKey, string>();
  /** Characters it holds at most; a commit that would not fit fails as on a full disk. */
  capacity = Number.POSITIVE_INFINITY;
  holder: MemoryStore | undefined;
}

/** A store in memory, for tests. Keeps its promises about order and failure; nothing survives the process. */
export class MemoryStore implements Store {
  readonly #state: MemoryState;
  readonly #queue = new CommitQueue((changes) => this.#write(changes));

  constructor(state: MemoryState = new MemoryState()) {
    this.#state = state;
  }

  async load(): Promise<readonly StoredRecord[]> {
    if (this.#state.holder !== undefined) throw new QubesException('another store uses this state');
    this.#state.holder = this;
    return [...this.#state.records].map(([key, xml]) => storedRecord(key, xml));
  }

  commit(changes: readonly StoreChange[], takeBack: () => void = () => {}): Promise<void> {
    return this.#queue.add(changes, takeBack);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.refuse(new QubesException('the store is closed'));
    await this.#queue.idle();
    if (this.#state.holder === this) this.#state.holder = undefined;
  }

  async #write(changes: readonly RecordChange[]): Promise<void> {
    if (this.#state.holder !== this) throw new QubesException('the store is not loaded');
    const after = new Map(this.#state.records);
    for (const { key, xml } of changes) {
      if (xml === null) after.delete(key);
      else after.set(key, xml);
    }
    let size = 0;
    for (const xml of after.values()) size += xml.length;
    if (size > this.#state.capacity) throw new QubesException(`disk full: ${size} characters do not fit`);
    this.#state.records.clear();
    for (const [key, xml] of after) this.#state.records.set(key, xml);
  }
}
