/** Gives a key back before the task is over; harmless to repeat. */
export type Release = (key: string) => void;

/** One queue a key. Tasks that share no key run side by side. */
export class Locks {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `task` when it alone holds all of `keys`. Never deadlocks: keys are taken in one order. */
  async hold<T>(keys: readonly string[], task: (release: Release) => Promise<T>): Promise<T> {
    const held = new Map<string, () => void>();
    try {
      for (const key of [...new Set(keys)].sort()) held.set(key, await this.#take(key));
      return await task((key) => held.get(key)?.());
    } finally {
      for (const release of held.values()) release();
    }
  }

  async #take(key: string): Promise<() => void> {
    const before = this.#last.get(key);
    const { promise: over, resolve } = Promise.withResolvers<void>();
    this.#last.set(key, over);
    await before;
    return () => {
      if (this.#last.get(key) === over) this.#last.delete(key);
      resolve();
    };
  }
}
