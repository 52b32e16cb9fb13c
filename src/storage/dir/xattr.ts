import koffi, { type LibraryHandle } from 'koffi';

/**
 * Extended attributes of a file itself, never of what a symbolic link points to. Node has no call for them; the
 * system's C library does. All calls run on a worker thread.
 */

const libc = koffi.load(null);
const lgetxattr = libc.func(
  'int64_t lgetxattr(const uint8_t *path, const char *name, _Out_ uint8_t *value, size_t size)',
);
const lsetxattr = libc.func(
  'int lsetxattr(const uint8_t *path, const char *name, const uint8_t *value, size_t size, int flags)',
);
const llistxattr = libc.func('int64_t llistxattr(const uint8_t *path, _Out_ uint8_t *list, size_t size)');

/** No such attribute; not supported here; the file is gone. */
const ABSENT = new Set([61, 95, 2]);
/** The kernel's limit for a value and for a list of names. */
const LARGEST = 65_536;

/** Undefined when the file has no such attribute. Throws Error with the system's number when it can't be read. */
export async function getAttribute(path: Buffer, name: string, limit = LARGEST): Promise<Buffer | undefined> {
  const value = Buffer.alloc(limit);
  const length = await call(lgetxattr, path, name, value, limit);
  return length < 0 ? undefined : value.subarray(0, length);
}

export async function setAttribute(path: Buffer, name: string, value: Buffer): Promise<void> {
  if ((await call(lsetxattr, path, name, value, value.length, 0)) < 0)
    throw new Error(`cannot set attribute ${name}: not supported by this file system`);
}

export async function attributeNames(path: Buffer): Promise<string[]> {
  const list = Buffer.alloc(LARGEST);
  const length = await call(llistxattr, path, list, LARGEST);
  return length <= 0 ? [] : list.toString('utf8', 0, length - 1).split('\0');
}

/** The call's result; -1 when the answer is that there is none. */
function call(named: ReturnType<LibraryHandle['func']>, path: Buffer, ...rest: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (failure: Error | null, result: number) => {
      const errno = koffi.errno();
      if (failure) reject(failure);
      else if (result >= 0 || ABSENT.has(errno)) resolve(result);
      else reject(new Error(`extended attributes of ${path}: error ${errno}`));
    };
    named.async(Buffer.concat([path, Buffer.of(0)]), ...rest, done);
  });
}
