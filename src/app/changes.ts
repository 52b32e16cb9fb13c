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
  /** In the order they were asked for, which is the order in which the store makes them durable. */
  readonly #inFlight: Change[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  /** Throws what `work` throws, with memory as it was; or what the store fails with, likewise. */
  async make<T>(work: (change: Change) => T): Promise<T> {
    const change: Change = new Transaction<XmlNode>();
    const result = doOrUndo(change, work);
    const records = [...change.touched].map(
      (item): StoreChange => [item.storeKey as StoreKey, item.record()],
    );
    if (records.length > 0) await this.#commit(change, records);
    change.announce();
    return result;
  }

  async #commit(change: Change, records: readonly StoreChange[]): Promise<void> {
    this.#inFlight.push(change);
    try {
      await this.#store.commit(records);
    } catch (error) {
      this.#takeBackFrom(change);
      throw error;
    }
    this.#inFlight.splice(this.#inFlight.indexOf(change), 1);
  }

  /** Later changes were made on top of this one, and the store fails them too: last first, down to this. */
  #takeBackFrom(failed: Change): void {
    const from = this.#inFlight.indexOf(failed);
    if (from < 0) return;
    for (const change of this.#inFlight.splice(from).reverse()) change.undo();
  }
}

function doOrUndo<T>(change: Change, work: (change: Change) => T): T {
  try {
    return work(change);
  } catch (error) {
    change.undo();
    throw error;
  }
}
