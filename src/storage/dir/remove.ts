import { rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StoragePoolException } from '../../base/errors.ts';
import type { DirContext, Subject } from './context.ts';
import { unless } from './failure.ts';
import { volumeUser } from './layer-id.ts';
import { type Place, syncDirectory } from './place.ts';
import { readRecord, tipsOf } from './record.ts';
import { refuseStarted, usesLayer } from './state.ts';

/**
 * The volume is gone first, for good. Its layers, unless another volume uses them, follow when nobody waits; after a
 * crash the sweep finds them without a user.
 */
export async function removeVolume(context: DirContext, subject: Subject): Promise<void> {
  await refuseStarted(subject, 'remove');
  const layers = await layersOf(subject);
  const path = join(subject.path, '.volume');
  const existed = await unless(
    ['ENOENT', 'ENOTDIR'],
    unlink(path).then(() => true),
  );
  if (existed) {
    await unless('ENOENT', unlink(`${path}.new`));
    await syncDirectory(subject.path);
  }
  await removeEmptyDirectories(context.place, subject.path);
  if (layers.size === 0) return;
  context.chores.start(`drop ${context.place.uniqueName()}`, () => dropLayers(context, subject.vid, layers));
}

/** By then there may be a new volume of that name, a clone of who shared these layers. */
async function dropLayers(context: DirContext, vid: string, layers: ReadonlySet<string>): Promise<void> {
  await context.locks.hold([vid], async () => {
    for (const layer of layers) {
      if (!(await usesLayer(context, vid, layer))) await context.layers.dropUser(layer, volumeUser(vid));
    }
  });
}

/** None when the record is damaged: the next sweep finds them without a user then. */
async function layersOf(subject: Subject): Promise<ReadonlySet<string>> {
  try {
    const record = await readRecord(subject.path);
    return record ? tipsOf(record) : new Set();
  } catch (thrown) {
    if (thrown instanceof StoragePoolException) return new Set();
    throw thrown;
  }
}

/** `appvms/work/private`, then `appvms/work` when nothing else is in it, and so on. */
export async function removeEmptyDirectories(place: Place, path: string): Promise<void> {
  for (let directory = path; directory.length > place.path.length; directory = dirname(directory)) {
    const removed = await unless(
      ['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'],
      rmdir(directory).then(() => true),
    );
    if (!removed && directory !== path) return;
  }
}
