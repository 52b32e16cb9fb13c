import type { Stats } from 'node:fs';
import { chmod, constants, copyFile, lstat, readdir, readFile, readlink, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectories } from '../directories.ts';

/**
 * Copying settings of the host into a template, but never a secret: what not everybody on the host may read is left
 * out, and so are files that hold a password in a URL (a proxy's, a mirror's).
 */

export interface PublicCopy {
  /** Names left out, wherever they occur. */
  readonly except?: RegExp;
  /** Leave out files with a password in a URL. */
  readonly withoutPasswords?: boolean;
}

/** How many files are copied at once. */
const AT_ONCE = 4;
const OTHERS_MAY_READ = 0o004;
/** Set-user-id and its like, and writing by others. */
const UNWANTED_BITS = 0o7022;
const PASSWORD_IN_URL = /:\/\/[^/\s"']*@/;

/** Copies a file, link or directory; one that doesn't exist is left out. The directory `to` lies in is made. */
export async function copyPublic(from: string, to: string, options: PublicCopy = {}): Promise<void> {
  const stat = await lstat(from).catch(() => undefined);
  if (!stat) return;
  await makeDirectories(dirname(to), 0o755);
  await copyEntry(from, to, stat, options);
}

async function copyEntry(from: string, to: string, stat: Stats, options: PublicCopy): Promise<void> {
  if (options.except?.test(from)) return;
  if (stat.isSymbolicLink()) return symlink(await readlink(from), to);
  if ((stat.mode & OTHERS_MAY_READ) === 0) return;
  if (stat.isDirectory()) return copyDirectory(from, to, options);
  if (!stat.isFile() || (options.withoutPasswords && (await holdsPassword(from)))) return;
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  if ((stat.mode & UNWANTED_BITS) !== 0) await chmod(to, stat.mode & ~UNWANTED_BITS);
}

async function copyDirectory(from: string, to: string, options: PublicCopy): Promise<void> {
  await makeDirectories(to, 0o755);
  const names = (await readdir(from)).sort();
  const copyNext = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const path = join(from, name);
      await copyEntry(path, join(to, name), await lstat(path), options);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, copyNext));
}

async function holdsPassword(path: string): Promise<boolean> {
  return PASSWORD_IN_URL.test(await readFile(path, 'latin1'));
}
