import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../base/errors.ts';
import type { Database } from './database.ts';
import { indented } from './indented.ts';

/** Keys read between two looks at the mailbox: a commit waits for no more than this. */
const sliceLength = 50;
/** A rewrite takes at most this part of the time. */
const shareOfTime = 1 / 50;
/** Rewrites given up because of a change, before one is kept that mixes records of before and after it. */
const patience = 3;

/**
 * `qubes.xml` beside the database: the same records as one file, for people and for tools that read Qubes' own.
 * The database is the truth; this follows it by `interval` milliseconds, longer when a rewrite is expensive, and
 * never holds up a commit. Replaced whole, by rename. Operations of the journal and damaged rows are left out.
 */
export class Mirror {
  readonly #database: Database;
  readonly #path: string;
  readonly #interval: number;
  readonly #warn: (problem: string) => void;
  /** Every key, with its place among those of its kind. */
  readonly #places = new Map<string, number>();
  #revision = 0;
  #writtenRevision = 0;
  #givenUp = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #rest = 0;

  constructor(database: Database, directory: string, interval: number, warn: (problem: string) => void) {
    this.#database = database;
    this.#path = join(directory, 'qubes.xml');
    this.#interval = interval;
    this.#warn = warn;
  }

  /** A record was written, or removed when `xml` is null. */
  changed(key: string, xml: string | null): void {
    if (key.startsWith('operation/')) return;
    if (xml === null) this.#places.delete(key);
    else this.#places.set(key, placeOf(xml));
    this.#revision++;
    this.#schedule();
  }

  /** Writes what is not written yet. No change may follow. */
  async finish(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    clearTimeout(this.#timer);
    if (this.#revision !== this.#writtenRevision) await this.#rewrite();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#running !== undefined) return;
    this.#timer = setTimeout(() => this.#run(), Math.max(this.#interval, this.#rest));
  }

  #run(): void {
    this.#timer = undefined;
    const started = performance.now();
    this.#running = this.#rewrite().finally(() => {
      this.#running = undefined;
      this.#rest = (performance.now() - started) / shareOfTime;
      if (this.#revision !== this.#writtenRevision) this.#schedule();
    });
  }

  async #rewrite(): Promise<void> {
    try {
      const revision = this.#revision;
      const temporary = `${this.#path}.new`;
      await using file = await open(temporary, 'w', 0o600);
      for (const piece of this.#pieces()) {
        await file.appendFile(piece);
        if (revision !== this.#revision && this.#givenUp < patience) {
          this.#givenUp++;
          return;
        }
      }
      await file.sync();
      await rename(temporary, this.#path);
      this.#givenUp = 0;
      this.#writtenRevision = revision;
    } catch (error) {
      this.#warn(`qubes.xml is not up to date: ${messageOf(error)}`);
    }
  }

  *#pieces(): Generator<string> {
    yield '<?xml version="1.0" encoding="utf-8"?>\n<qubes>\n';
    yield* this.#section('labels', 'label/');
    yield* this.#section('pools', 'pool/');
    yield this.#texts(['system'], 1);
    yield* this.#section('domains', 'domain/');
    yield '</qubes>\n';
  }

  *#section(name: string, prefix: string): Generator<string> {
    const keys = [...this.#places.keys()].filter((key) => key.startsWith(prefix));
    keys.sort((a, b) => (this.#places.get(a) ?? 0) - (this.#places.get(b) ?? 0) || (a < b ? -1 : 1));
    yield `  <${name}>\n`;
    for (let from = 0; from < keys.length; from += sliceLength) {
      yield this.#texts(keys.slice(from, from + sliceLength), 2);
    }
    yield `  </${name}>\n`;
  }

  #texts(keys: readonly string[], depth: number): string {
    const texts = keys.flatMap((key) => this.#database.read(key)?.xml ?? []);
    return texts.map((xml) => indented(xml, depth)).join('');
  }
}

/** The number in the id of a domain or a label: `domain-7` comes before `domain-10`. */
function placeOf(xml: string): number {
  return Number(/^<[a-z]+ (?:[^>]* )?id="[a-z]+-(\d{1,9})"/.exec(xml)?.[1] ?? 0);
}
