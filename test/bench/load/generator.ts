import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Summary } from './load.ts';
import type { Task } from './worker.ts';

type ResultOf<Kind> = Kind extends 'start' ? { ms: number; pid: number } : Summary;

type Reply<T extends Task> =
  | { readonly result: ResultOf<T['kind']>; readonly failure?: undefined }
  | { readonly failure: string };

/** The generator process, seen from the bench. One task at a time. */
export class Generator implements Disposable {
  readonly #worker: ChildProcess = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)));

  /** Rejects with what went wrong in the worker, or when it died. */
  async do<T extends Task>(task: T): Promise<ResultOf<T['kind']>> {
    const waiting = new AbortController();
    const { signal } = waiting;
    const answered = once(this.#worker, 'message', { signal }).then(([reply]) => reply as Reply<T>);
    const ended = once(this.#worker, 'exit', { signal }).then(
      ([code]): Reply<T> => ({ failure: `the generator ended with ${code}` }),
    );
    this.#worker.send(task);
    const reply = await Promise.race([answered, ended]);
    for (const other of [answered, ended]) other.catch(() => {});
    waiting.abort();
    if (reply.failure !== undefined) throw new Error(reply.failure);
    return reply.result;
  }

  [Symbol.dispose](): void {
    this.#worker.disconnect();
  }
}
