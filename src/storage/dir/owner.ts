import { StoragePoolException } from '../../base/errors.ts';
import type { IdRange, TreeMount } from '../volume.ts';
import type { DirContext, Subject } from './context.ts';
import { volumeUser } from './layer-id.ts';
import { makeUpperTrees, targetsOf, writableMounts } from './mounts.ts';
import { makeLayer } from './new-layer.ts';
import type { VolumeRecord } from './record.ts';
import { prepare, publishRun, readRun } from './run.ts';
import { commit, existingRecord, retire } from './state.ts';

/** Starting and stopping a volume whose domain writes it and keeps what it wrote. */

export async function startOwned(context: DirContext, subject: Subject, ids: IdRange): Promise<TreeMount[]> {
  const record = await existingRecord(context, subject.vid);
  const tip = (await startedTip(subject, ids)) ?? (await startFresh(context, subject, record, ids));
  const [top, ...below] = await context.layers.chain(tip);
  if (!top) throw new StoragePoolException(`Volume '${subject.vid}' lost the layer being written`);
  return writableMounts(below, top.path);
}

/** What was written becomes the committed state. */
export async function stopOwned(context: DirContext, subject: Subject): Promise<void> {
  const run = await readRun(subject.path);
  if (!run) return;
  const record = await existingRecord(context, subject.vid);
  if (run.tip !== record.tip) await commit(context, subject, record, run.tip);
  else await retire(context, subject, record);
  await context.trash.take(run.path);
}

/** The layer written by a start that was not followed by a stop. */
async function startedTip(subject: Subject, ids: IdRange): Promise<string | null> {
  const run = await readRun(subject.path);
  if (!run) return null;
  refuseOtherIds(subject, run.idStart, ids);
  return run.tip;
}

async function startFresh(
  context: DirContext,
  subject: Subject,
  record: VolumeRecord,
  ids: IdRange,
): Promise<string> {
  const tip =
    (await inPlaceTip(context, subject, record, ids)) ?? (await pushLayer(context, subject, record, ids));
  const prepared = await prepare(context.place);
  await publishRun(prepared, subject.path, tip, ids.start);
  return tip;
}

/** The committed top layer, when it may be written itself: no state of it is to be kept, and nobody else needs it. */
async function inPlaceTip(
  context: DirContext,
  subject: Subject,
  { tip, revisions }: VolumeRecord,
  ids: IdRange,
): Promise<string | null> {
  if (tip === null || subject.config.revisionsToKeep > 0) return null;
  if (revisions.some((revision) => revision.tip === tip)) return null;
  const [top, ...below] = await context.layers.chain(tip);
  if (top?.idStart !== ids.start || top.host.size > 0) return null;
  if (targetsOf([top, ...below]).some((target) => !top.trees.has(target))) return null;
  const users = await context.layers.users(tip);
  return users.length === 1 && users[0] === volumeUser(subject.vid) ? tip : null;
}

/** A fresh layer over the committed state. */
async function pushLayer(
  context: DirContext,
  subject: Subject,
  record: VolumeRecord,
  ids: IdRange,
): Promise<string> {
  const chain = await context.layers.chain(record.tip);
  return makeLayer(context, {
    vid: subject.vid,
    idStart: ids.start,
    below: record.tip,
    fill: (directory) => makeUpperTrees(chain, directory, ids.start),
  });
}

/** Throws StoragePoolException when a started volume is asked for with ids other than it was started with. */
export function refuseOtherIds(subject: Subject, startedWith: number, ids: IdRange): void {
  if (startedWith === ids.start) return;
  throw new StoragePoolException(
    `Volume '${subject.vid}' is in use with ids from ${startedWith}, not ${ids.start}; stop it first`,
  );
}
