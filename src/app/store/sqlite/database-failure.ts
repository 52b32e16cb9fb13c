import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../../base/errors.ts';

/** Why the database could not do what was asked. After a `fatal` one, what is on the disk is not known. */
export class DatabaseFailure extends Error {
  readonly fatal: boolean;

  constructor(problem: string, fatal: boolean) {
    super(problem);
    this.fatal = fatal;
  }
}

/** In the state directory: tells who holds the lock, for those who are refused. */
export const holderFile = 'qubes.db.pid';

/** SQLite's result codes, https://sqlite.org/rescode.html; the last two extended. */
const code = {
  busy: 5,
  readOnly: 8,
  corrupt: 11,
  full: 13,
  notDatabase: 26,
  failedSync: 1034,
  failedDirectorySync: 1290,
};

/** What was thrown, in words the owner of `directory` can act on. */
export function failureOf(thrown: unknown, directory: string): DatabaseFailure {
  if (thrown instanceof DatabaseFailure)
    return new DatabaseFailure(`${directory}/qubes.db: ${thrown.message}`, thrown.fatal);
  const extended = resultCode(thrown);
  const message = messageOf(thrown);
  switch (extended & 0xff) {
    case code.full:
      return new DatabaseFailure(
        `disk full: no space is left in ${directory}; make room there and try again`,
        false,
      );
    case code.busy:
      return new DatabaseFailure(`another daemon (pid ${holderOf(directory)}) uses ${directory}`, true);
    case code.readOnly:
      return new DatabaseFailure(`${directory} is read-only`, false);
    case code.corrupt:
    case code.notDatabase:
      return new DatabaseFailure(
        `${directory}/qubes.db is damaged (${message}); move it away, start again, and import ${directory}/qubes.xml`,
        true,
      );
  }
  if (extended === code.failedSync || extended === code.failedDirectorySync) {
    // The kernel may have dropped what it could not write: a second sync that succeeds would prove nothing.
    return new DatabaseFailure(
      `the disk of ${directory} failed (${message}); check it, then restart the daemon`,
      true,
    );
  }
  return new DatabaseFailure(`${directory}/qubes.db: ${message}`, false);
}

function resultCode(thrown: unknown): number {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number'
    ? thrown.errcode
    : 0;
}

function holderOf(directory: string): string {
  try {
    const untrustedPid = readFileSync(join(directory, holderFile), 'latin1').trim();
    return /^\d{1,10}$/.test(untrustedPid) ? untrustedPid : 'unknown';
  } catch {
    return 'unknown';
  }
}
