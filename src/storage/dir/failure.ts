import { messageOf, QubesException, StoragePoolException } from '../../base/errors.ts';

/** What to do about a failed system call, by its code. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'disk full; free some space in the pool and try again',
  EDQUOT: 'disk quota reached; free some space in the pool and try again',
  EROFS: 'the file system is read only',
  EACCES: 'no permission; the pool must belong to the user the daemon runs as',
  EPERM: 'not permitted; run the daemon as root, or in a user namespace that holds the id range',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
  ENFILE: 'too many open files on this machine; raise fs.file-max',
};

/** Runs an action on the disk; whatever it throws that is not meant for the user becomes a StoragePoolException. */
export async function explained<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (thrown) {
    throw explain(what, thrown);
  }
}

/** The error to report for anything that was thrown by `what`. */
export function explain(what: string, thrown: unknown): QubesException {
  if (thrown instanceof QubesException) return thrown;
  const code = errorCode(thrown);
  const reason = (code && REMEDIES[code]) ?? messageOf(thrown);
  return new StoragePoolException(`${what}: ${reason}`, { cause: thrown });
}

/** The system's code of an error, `ENOENT`; undefined when it has none. */
export function errorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code } = thrown as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : undefined;
}

/** Awaits a system call whose failure with one of these codes is an answer, not an error: undefined then. */
export async function unless<T>(codes: string | readonly string[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    const code = errorCode(thrown);
    if (code !== undefined && (typeof codes === 'string' ? codes === code : codes.includes(code)))
      return undefined;
    throw thrown;
  }
}
