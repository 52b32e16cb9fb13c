/**
 * Work that nobody waits for, at most one task a key. A task must be safe to give up at any point and to start anew;
 * that it failed is of no consequence but that it is still to be done.
 */
export class Chores {
  readonly #running = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();

  /** Does nothing when a task of this key is already under way. */
  start(key: string, task: (signal: AbortSignal) => Promise<void>): void {
    if (this.#running.has(key)) return;
    const abort = new AbortController();
    const done = task(abort.signal)
      .catch(() => {})
      .finally(() => this.#running.delete(key));
    this.#running.set(key, { abort, done });
  }

  /** Someone is in more of a hurry: the task of this key gives up at its next step. */
  interrupt(key: string): void {
    this.#running.get(key)?.abort.abort();
  }

  /** Resolves when no task is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ done }) => done));
  }
}
