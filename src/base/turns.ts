/** Runs tasks one after another, in the order they were asked for. A task that fails does not hold up the next. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Resolves or rejects as the task does, once its turn has come. */
  run<T>(task: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const turn = this.#last.then(task).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** No task runs or waits. */
  get idle(): boolean {
    return this.#waiting === 0;
  }
}
