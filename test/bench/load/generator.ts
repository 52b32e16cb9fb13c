import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Summary } from './load.ts';
import type { Task } from './worker.ts';

type ResultOf<Kind> = Kind extends 'start' ? { ms: number; pid: number } : Summary;

/** The generator process, seen from the bench. One task at a time. */
export class Generator implements Disposable {
  readonly #worker: ChildProcess = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)));

  /** Rejects with what went wrong in the worker, or when it died. */
  async do<T extends Task>(task: T): Promise<ResultOf<T['kind']>> {
    this.#worker.send(task);
    const ended = once(this.#worker, 'exit').then(([code]) => ({
      failure: `the generator ended with ${code}`,
    }));
    const message = once(this.#worker, 'message').then(
      ([reply]) => reply as { result: unknown; failure?: string },
    );
    const reply = await Promise.race([message, ended]);
    if (reply.failure !== undefined) throw new Error(reply.failure);
    return (reply as { result: ResultOf<T['kind']> }).result;
  }

  [Symbol.dispose](): void {
    this.#worker.disconnect();
  }
}
