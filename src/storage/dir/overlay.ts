import type { Dirent } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { unless } from './failure.ts';
import { getAttribute, setAttribute } from './xattr.ts';

/**
 * What overlayfs writes into an upper tree to say that something below is gone
 * (https://docs.kernel.org/filesystems/overlayfs.html): a whiteout, a character device 0:0 in its place, and on a
 * directory the attribute `trusted.overlay.opaque` = `y`, which hides everything below it.
 */

const OPAQUE = 'trusted.overlay.opaque';
/** A directory or file whose content is partly elsewhere; not made when mounted as `TreeMount` says. */
const SCATTERED = ['trusted.overlay.redirect', 'trusted.overlay.metacopy'];

export async function isWhiteout(path: Buffer, entry: Dirent<Buffer>): Promise<boolean> {
  if (!entry.isCharacterDevice()) return false;
  return (await unless('ENOENT', lstat(path)))?.rdev === 0;
}

export async function isOpaque(directory: Buffer): Promise<boolean> {
  return (await getAttribute(directory, OPAQUE, 16))?.toString() === 'y';
}

export async function makeOpaque(directory: Buffer): Promise<void> {
  await setAttribute(directory, OPAQUE, Buffer.from('y'));
}

export async function isScattered(path: Buffer): Promise<boolean> {
  for (const name of SCATTERED) if ((await getAttribute(path, name, 4096)) !== undefined) return true;
  return false;
}
