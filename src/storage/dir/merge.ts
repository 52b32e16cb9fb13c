import type { Dirent } from 'node:fs';
import { readdir, rename, unlink } from 'node:fs/promises';
import { unless } from './failure.ts';
import { isOpaque, isScattered, isWhiteout, makeOpaque } from './overlay.ts';
import { below } from './usage.ts';

export interface MergeOptions {
  /** Nothing lies below the lower tree, so nothing needs to be hidden any more. */
  readonly lowest: boolean;
  readonly signal: AbortSignal;
  /** Makes a path be gone at once. */
  discard(path: Buffer): Promise<void>;
}

/**
 * Moves what shows of `lower` through `upper` into `upper`, by renames only; `lower` is then of no more use. At every
 * step both together show the same, so it may be stopped anywhere and run again. Resolves to false when stopped, or
 * when a part of the upper can't be told from where it is.
 */
export async function mergeDown(upper: Buffer, lower: Buffer, options: MergeOptions): Promise<boolean> {
  if (options.signal.aborted || (await isScattered(upper))) return false;
  const isHidden = await isOpaque(upper);
  const present = await entriesOf(upper);
  const covered = isHidden ? new Map<string, Dirent<Buffer>>() : await entriesOf(lower);
  for (const [key, entry] of present) {
    const merged = await mergeEntry(upper, entry, lower, covered.get(key), options);
    if (!merged) return false;
  }
  for (const [key, entry] of covered) {
    if (options.signal.aborted) return false;
    if (present.has(key)) continue;
    await rename(below(lower, entry.name), below(upper, entry.name));
  }
  if (!isHidden && !options.lowest && (await isOpaque(lower))) await makeOpaque(upper);
  return true;
}

/** One name of the upper, over what the lower has of that name, if anything. */
async function mergeEntry(
  upper: Buffer,
  entry: Dirent<Buffer>,
  lower: Buffer,
  covered: Dirent<Buffer> | undefined,
  options: MergeOptions,
): Promise<boolean> {
  const path = below(upper, entry.name);
  const coveredPath = below(lower, entry.name);
  if (await isWhiteout(path, entry)) {
    if (!options.lowest) return true;
    if (covered) await options.discard(coveredPath);
    await unlink(path);
    return true;
  }
  if (!entry.isDirectory()) return !(await isScattered(path));
  if (covered?.isDirectory()) return mergeDown(path, coveredPath, options);
  if (covered && !options.lowest) await makeOpaque(path);
  return options.lowest ? dropWhiteouts(path, options) : true;
}

/** In a directory with nothing below it. */
async function dropWhiteouts(directory: Buffer, options: MergeOptions): Promise<boolean> {
  for (const entry of (await entriesOf(directory)).values()) {
    if (options.signal.aborted) return false;
    const path = below(directory, entry.name);
    if (await isWhiteout(path, entry)) await unlink(path);
    else if (entry.isDirectory() && !(await dropWhiteouts(path, options))) return false;
  }
  return true;
}

/** By name; names are bytes, so the keys spell each byte as one character. */
export async function entriesOf(directory: Buffer): Promise<Map<string, Dirent<Buffer>>> {
  const entries = await unless('ENOENT', readdir(directory, { encoding: 'buffer', withFileTypes: true }));
  return new Map((entries ?? []).map((entry) => [entry.name.toString('latin1'), entry]));
}
