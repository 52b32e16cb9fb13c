import { messageOf, QubesException } from '../../base/errors.ts';
import { type RecordChange, recordChange } from './record.ts';
import type { StoreChange } from './store.ts';

/** Makes changes durable, all or none. Rejects when it could not. */
export type WriteRecords = (changes: readonly RecordChange[]) => Promise<void>;

interface Waiting {
  /** What to write, or why it cannot be written. */
  readonly content: readonly RecordChange[] | QubesException;
  readonly takeBack: () => void;
  readonly resolve: () => void;
  readonly reject: (reason: QubesException) => void;
}

/**
 * The order in which commits become durable, the same for every driver.
 *
 * One write is under way at a time; what arrives meanwhile shares the next one. When a commit fails, every commit
 * behind it fails too. All are taken back at once, the last asked for first: a promise's rejection would reach the
 * callers too late, when another may have built on what is to be undone.
 */
export class CommitQueue {
  readonly #write: WriteRecords;
  #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;
  #refusal: QubesException | undefined;

  constructor(write: WriteRecords) {
    this.#write = write;
  }

  /** Resolves when the changes are durable; else calls `takeBack` and rejects. Takes their text before it returns. */
  add(changes: readonly StoreChange[], takeBack: () => void): Promise<void> {
    if (this.#refusal !== undefined) {
      takeBack();
      return Promise.reject(this.#refusal);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ content: contentOf(changes), takeBack, resolve, reject });
    this.#draining ??= this.#drain();
    return promise;
  }

  /** From now on every commit is rejected with this; those waiting already still run. */
  refuse(reason: QubesException): void {
    this.#refusal ??= reason;
  }

  /** Resolves when nothing is waiting or under way. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    // Callers of the same turn share the first write.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#writeNext();
    this.#draining = undefined;
  }

  async #writeNext(): Promise<void> {
    const unwritable = this.#waiting.findIndex(({ content }) => content instanceof QubesException);
    if (unwritable === 0) return this.#failAll(this.#waiting[0]?.content as QubesException, 1);

    const batch = this.#waiting.slice(0, unwritable === -1 ? undefined : unwritable);
    try {
      await this.#write(batch.flatMap(({ content }) => content as readonly RecordChange[]));
    } catch (error) {
      const reason =
        error instanceof QubesException ? error : new QubesException(messageOf(error), { cause: error });
      return this.#failAll(reason, batch.length);
    }
    this.#waiting.splice(0, batch.length);
    for (const { resolve } of batch) resolve();
  }

  /** `reason` is that of the first `own` commits; the others fail because of them. */
  #failAll(reason: QubesException, own: number): void {
    const failed = this.#waiting;
    this.#waiting = [];
    const behind = new QubesException(`Not stored, because an earlier change was not: ${reason.message}`, {
      cause: reason,
    });
    for (const [index, { takeBack, reject }] of [...failed.entries()].reverse()) {
      takeBack();
      reject(index < own ? reason : behind);
    }
  }
}

function contentOf(changes: readonly StoreChange[]): readonly RecordChange[] | QubesException {
  try {
    return changes.map(recordChange);
  } catch (error) {
    if (error instanceof QubesException) return error;
    throw error;
  }
}
