import { StoragePoolException } from '../../base/errors.ts';
import type { IdRange, TreeMount } from '../volume.ts';
import type { DirContext, Subject } from './context.ts';
import { snapshotUser } from './layer-id.ts';
import type { Release } from './locks.ts';
import { makeUpperTrees, readOnlyMounts, writableMounts } from './mounts.ts';
import { refuseOtherIds } from './owner.ts';
import { removeEmptyDirectories } from './remove.ts';
import { prepare, publishRun, type Run, readRun } from './run.ts';
import { committedTip } from './state.ts';

/**
 * Starting and stopping a volume that keeps nothing its domain writes: a snapshot of a source, a volatile one (a
 * snapshot of nothing), or one that is only read.
 */

export async function startSnapshot(
  context: DirContext,
  subject: Subject,
  ids: IdRange,
  sourceVid: string | undefined,
  release: Release,
): Promise<TreeMount[]> {
  const run =
    (await startedRun(subject, ids)) ?? (await startFresh(context, subject, ids, sourceVid, release));
  const chain = await context.layers.chain(run.tip);
  if (subject.config.rw) return writableMounts(chain, run.path);
  if (chain.length > 0) return readOnlyMounts(chain);
  throw new StoragePoolException(`Volume '${subject.vid}' is empty and may not be written: nothing to start`);
}

/** What was written goes, and the volume's directory; the source may change its layers again. */
export async function stopSnapshot(context: DirContext, subject: Subject): Promise<void> {
  const run = await readRun(subject.path);
  if (run) {
    await context.trash.take(run.path);
    if (run.tip !== null) await context.layers.dropUser(run.tip, snapshotUser(subject.vid));
  }
  await removeEmptyDirectories(context.place, subject.path);
}

async function startedRun(subject: Subject, ids: IdRange): Promise<Run | undefined> {
  const run = await readRun(subject.path);
  if (run) refuseOtherIds(subject, run.idStart, ids);
  return run;
}

async function startFresh(
  context: DirContext,
  subject: Subject,
  ids: IdRange,
  sourceVid: string | undefined,
  release: Release,
): Promise<Run> {
  const tip = sourceVid === undefined ? null : await committedTip(context, sourceVid);
  const user = snapshotUser(subject.vid);
  if (tip !== null) await context.layers.addUser(tip, user);
  // The state is ours now, and others wait for the source: a template starts many domains at once.
  if (sourceVid !== undefined && sourceVid !== subject.vid) release(sourceVid);
  const prepared = await prepare(context.place);
  try {
    if (subject.config.rw) await makeUpperTrees(await context.layers.chain(tip), prepared, ids.start);
    return await publishRun(prepared, subject.path, tip, ids.start);
  } catch (thrown) {
    await context.trash.take(prepared);
    if (tip !== null) await context.layers.dropUser(tip, user);
    throw thrown;
  }
}
