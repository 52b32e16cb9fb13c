import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { RecordChange } from '../record.ts';
import { DatabaseFailure, failureOf, holderFile } from './database-failure.ts';
import type { LoadedRow } from './messages.ts';

const formatVersion = 1;

/**
 * The file `qubes.db` of a state directory: one row a key, holding the record's text and a checksum of both.
 *
 * Held exclusively while open, by a lock the kernel drops with the process. Every call blocks: this belongs in a
 * thread of its own. Everything thrown is a DatabaseFailure.
 */
export class Database {
  readonly #directory: string;
  readonly #database: DatabaseSync;
  readonly #upsert: StatementSync;
  readonly #remove: StatementSync;
  readonly #select: StatementSync;

  /** Opens, and creates what is missing: the directory with mode 0700, files with 0600. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#database = this.#explained(() => openPrivate(directory));
    try {
      this.#explained(() => this.#prepare());
    } catch (error) {
      this.#database.close();
      throw error;
    }
    this.#upsert = this.#database.prepare(
      'INSERT INTO record (key, xml, checksum) VALUES (?, ?, ?) ' +
        'ON CONFLICT (key) DO UPDATE SET xml = excluded.xml, checksum = excluded.checksum',
    );
    this.#remove = this.#database.prepare('DELETE FROM record WHERE key = ?');
    this.#select = this.#database.prepare('SELECT key, xml, checksum FROM record WHERE key = ?');
  }

  /** Every row, in the order they were first written. */
  load(): LoadedRow[] {
    const select = 'SELECT key, xml, checksum FROM record ORDER BY rowid';
    return this.#explained(() => this.#database.prepare(select).all().map(checkedRow));
  }

  /** The row of a key, or undefined. */
  read(key: string): LoadedRow | undefined {
    const row = this.#explained(() => this.#select.get(key));
    return row && checkedRow(row);
  }

  /** When it returns, the changes survive kill -9 and power loss; when it throws, none of them is there. */
  write(changes: readonly RecordChange[]): void {
    this.#explained(() => {
      try {
        this.#database.exec('BEGIN IMMEDIATE');
        for (const { key, xml } of changes) {
          if (xml === null) this.#remove.run(key);
          else this.#upsert.run(key, xml, checksumOf(key, xml));
        }
        this.#database.exec('COMMIT');
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  close(): void {
    rmSync(join(this.#directory, holderFile), { force: true });
    this.#database.close();
  }

  #prepare(): void {
    const database = this.#database;
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    database.exec('PRAGMA cache_size = -1024');
    // The first transaction takes the lock, which is kept from then on.
    database.exec('BEGIN IMMEDIATE');
    const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (version === 0) {
      database.exec(
        'CREATE TABLE record (key TEXT PRIMARY KEY, xml TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT',
      );
      database.exec(`PRAGMA user_version = ${formatVersion}`);
    } else if (version !== formatVersion) {
      throw new DatabaseFailure(
        `its format is ${version}, this version of Bulkhead reads ${formatVersion}`,
        true,
      );
    }
    database.exec('COMMIT');
    writeFileSync(join(this.#directory, holderFile), `${process.pid}\n`, { mode: 0o600 });
  }

  #explained<Result>(action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      throw failureOf(error, this.#directory);
    }
  }
}

/** SQLite gives the files beside the database the mode the database has. */
function openPrivate(directory: string): DatabaseSync {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'qubes.db');
  closeSync(openSync(path, 'a', 0o600));
  return new DatabaseSync(path);
}

/** Covers the key, so that a text under another's key is found too. */
function checksumOf(key: string, xml: string): number {
  return crc32(`${key}\0${xml}`);
}

function checkedRow(row: Record<string, unknown>): LoadedRow {
  const key = String(row['key']);
  const xml = String(row['xml']);
  return row['checksum'] === checksumOf(key, xml) ? { key, xml } : { key };
}
