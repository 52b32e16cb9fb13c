import { Transaction } from '../base/transaction.ts';
import type { Change } from '../property/holder.ts';
import type { XmlNode } from '../xml/node.ts';
import type { Store, StoreChange, StoreKey } from './store/store.ts';

/**
 * Makes changes to memory durable. Work on a change is done at once, without waiting, so no other caller sees half
 * of it; its result is given, and its events are fired, when the store has it.
 */
export class Changes {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Throws what `work` throws, with memory as it was; or what the store fails with, likewise. */
  async make<T>(work: (change: Change) => T): Promise<T> {
    const change: Change = new Transaction<XmlNode>();
    const { result, records } = doOrUndo(change, () => ({
      result: work(change),
      records: recordsOf(change),
    }));
    if (records.length > 0) await this.#store.commit(records, () => change.undo());
    change.announce();
    return result;
  }
}

function recordsOf(change: Change): StoreChange[] {
  return [...change.touched].map((item): StoreChange => [item.storeKey as StoreKey, item.record()]);
}

function doOrUndo<T>(change: Change, work: () => T): T {
  try {
    return work();
  } catch (error) {
    change.undo();
    throw error;
  }
}
