import { rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StoragePoolException } from '../../base/errors.ts';
import type { DirContext, Subject } from './context.ts';
import { unless } from './failure.ts';
import { volumeUser } from './layer-id.ts';
import { type Place, syncDirectory } from './place.ts';
import { readRecord, tipsOf } from './record.ts';
import { refuseStarted } from './state.ts';

/** The volume is gone first, for good; its layers follow, unless another volume uses them. */
export async function removeVolume(context: DirContext, subject: Subject): Promise<void> {
  await refuseStarted(subject, 'remove');
  const layers = await layersOf(subject);
  if (
    (await unless(
      ['ENOENT', 'ENOTDIR'],
      unlink(join(subject.path, '.volume')).then(() => true),
    )) !== undefined
  ) {
    await unless('ENOENT', unlink(join(subject.path, '.volume.new')));
    await syncDirectory(subject.path);
  }
  for (const layer of layers) await context.layers.dropUser(layer, volumeUser(subject.vid));
  await removeEmptyDirectories(context.place, subject.path);
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
