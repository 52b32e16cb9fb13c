import { Turns } from '../../base/turns.ts';

/** One queue a key. Tasks that share no key run side by side. */
export class Locks {
  readonly #queues = new Map<string, Turns>();

  /** Runs `task` when it alone holds all of `keys`. Never deadlocks: keys are taken in one order. */
  hold<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    return this.#holdSorted([...new Set(keys)].sort(), task);
  }

  async #holdSorted<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    const [first, ...rest] = keys;
    if (first === undefined) return task();
    const queue = this.#queues.get(first) ?? new Turns();
    this.#queues.set(first, queue);
    try {
      return await queue.run(() => this.#holdSorted(rest, task));
    } finally {
      if (queue.idle) this.#queues.delete(first);
    }
  }
}
