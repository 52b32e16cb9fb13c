import { chmod, lchown, lstat, mkdir, readlink, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StoragePoolException } from '../../base/errors.ts';
import { makeDirectories } from '../directories.ts';
import { unless } from './failure.ts';
import { isLayerId } from './layer-id.ts';
import { PASSABLE, type Place } from './place.ts';

/**
 * That a volume is started: the directory `.run` beside its record. Its owner is the first of the ids it was started
 * with; the symbolic link `tip` names the layer being written (volumes that keep what is written) or the state shown
 * (all others, which have their own upper trees beside it).
 */
export interface Run {
  /** Null: nothing below. */
  readonly tip: string | null;
  readonly idStart: number;
  readonly path: string;
}

const NOTHING = '-';

export function runPath(volume: string): string {
  return join(volume, '.run');
}

/** Undefined when the volume is not started. */
export async function readRun(volume: string): Promise<Run | undefined> {
  const path = runPath(volume);
  const untrustedTip = await unless(['ENOENT', 'ENOTDIR'], readlink(join(path, 'tip')));
  if (untrustedTip === undefined) return undefined;
  if (untrustedTip !== NOTHING && !isLayerId(untrustedTip))
    throw new StoragePoolException(`${path}/tip is damaged; stop the domain and remove ${path}`);
  return { tip: untrustedTip === NOTHING ? null : untrustedTip, idStart: (await lstat(path)).uid, path };
}

/** Makes a run visible that was prepared in a directory of `.new`. */
export async function publishRun(
  prepared: string,
  volume: string,
  tip: string | null,
  idStart: number,
): Promise<Run> {
  await Promise.all([
    symlink(tip ?? NOTHING, join(prepared, 'tip')),
    lchown(prepared, idStart, idStart),
    chmod(prepared, PASSABLE),
  ]);
  const path = runPath(volume);
  if (
    (await unless(
      'ENOENT',
      rename(prepared, path).then(() => true),
    )) === undefined
  ) {
    await makeDirectories(volume, PASSABLE);
    await rename(prepared, path);
  }
  return { tip, idStart, path };
}

/** A new, empty directory to prepare something in; swept when a crash leaves it. */
export async function prepare(place: Place): Promise<string> {
  const path = join(place.unfinished, place.uniqueName());
  await mkdir(path);
  return path;
}
