import { Worker } from 'node:worker_threads';
import { QubesException } from '../../../base/errors.ts';
import { type Log, silentLog } from '../../../base/log.ts';
import { CommitQueue } from '../commit-queue.ts';
import { storedRecord } from '../record.ts';
import type { Store, StoreChange, StoredRecord, StoreKey } from '../store.ts';
import type { LoadedRow, Reply, Request, WorkerOptions } from './messages.ts';

export interface SqliteStoreOptions {
  /** The state directory; made when missing. Holds `qubes.db` and its mirror `qubes.xml`. */
  readonly directory: string;
  /** Milliseconds by which `qubes.xml` follows the last change, at least. */
  readonly mirrorInterval?: number;
  readonly log?: Log;
}

interface Asked {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (reason: QubesException) => void;
}

/**
 * Durable state in one SQLite file, written by a thread of its own.
 *
 * When that thread dies, or the disk reports that it lost a write, every pending and later commit is rejected with
 * the reason; only a restart helps then.
 */
export class SqliteStore implements Store {
  readonly #options: WorkerOptions;
  readonly #log: Log;
  readonly #queue = new CommitQueue(async (changes) => {
    await this.#ask({ kind: 'commit', changes });
  });
  #worker: Worker | undefined;
  #asked: Asked | undefined;

  constructor({ directory, mirrorInterval = 5000, log = silentLog }: SqliteStoreOptions) {
    this.#options = { directory, mirrorInterval };
    this.#log = log;
  }

  async load(): Promise<readonly StoredRecord[]> {
    this.#worker = this.#startWorker();
    const reply = await this.#ask({ kind: 'load' });
    return reply.kind === 'loaded' ? reply.rows.map(recordOf) : [];
  }

  commit(changes: readonly StoreChange[], takeBack: () => void = () => {}): Promise<void> {
    return this.#queue.add(changes, takeBack);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.refuse(new QubesException('the store is closed'));
    await this.#queue.idle();
    const worker = this.#worker;
    if (worker === undefined) return;
    try {
      await this.#ask({ kind: 'close' });
    } finally {
      this.#worker = undefined;
      await worker.terminate();
    }
  }

  #startWorker(): Worker {
    const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./worker.${suffix}`, import.meta.url), {
      name: 'store',
      workerData: this.#options,
      // Node still calls its SQLite experimental, on standard error, each time.
      execArgv: ['--disable-warning=ExperimentalWarning'],
      // The text of every record passes through once, at load; otherwise it needs a few megabytes.
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512, stackSizeMb: 1 },
    });
    worker.on('message', (reply: Reply) => this.#receive(worker, reply));
    worker.on('error', (error) =>
      this.#stop(worker, `the store's thread died (${error.message}); restart the daemon`),
    );
    worker.on('exit', (code) =>
      this.#stop(worker, `the store's thread ended with code ${code}; restart the daemon`),
    );
    return worker;
  }

  /** Rejects with the problem when the worker answers that it failed. */
  #ask(request: Request): Promise<Reply> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(new QubesException('the store is not loaded'));
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#asked = { resolve, reject };
    worker.postMessage(request);
    return promise;
  }

  #receive(worker: Worker, reply: Reply): void {
    if (reply.kind === 'warning') {
      this.#log.warn(reply.problem);
    } else if (reply.kind === 'failed' && reply.fatal) {
      this.#stop(worker, reply.problem);
    } else {
      const asked = this.#asked;
      this.#asked = undefined;
      if (reply.kind === 'failed') asked?.reject(new QubesException(reply.problem));
      else asked?.resolve(reply);
    }
  }

  /** Nothing can be stored any more, for this reason. */
  #stop(worker: Worker, problem: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    const reason = new QubesException(problem);
    this.#queue.refuse(reason);
    this.#asked?.reject(reason);
    this.#asked = undefined;
    void worker.terminate();
  }
}

function recordOf({ key, xml }: LoadedRow): StoredRecord {
  if (xml !== undefined) return storedRecord(key, xml);
  return { key: key as StoreKey, problem: 'its text and its checksum do not agree: the row is damaged' };
}
