import { StoragePoolException } from '../../base/errors.ts';
import type { DirContext, Subject } from './context.ts';
import { volumeUser } from './layer-id.ts';
import { readRecord, tipsOf, type VolumeRecord, writeRecord } from './record.ts';
import { type Run, readRun } from './run.ts';

/** Throws StoragePoolException when the volume was never created. */
export async function existingRecord(context: DirContext, vid: string): Promise<VolumeRecord> {
  const record = await readRecord(context.place.volume(vid));
  if (record) return record;
  throw new StoragePoolException(`Volume '${vid}' does not exist in pool '${context.pool}'; create it first`);
}

/** The top layer of the last committed state. Throws StoragePoolException while that state is being written over. */
export async function committedTip(context: DirContext, vid: string): Promise<string | null> {
  const record = await existingRecord(context, vid);
  if (isInPlace(record, await readRun(context.place.volume(vid))))
    throw new StoragePoolException(
      `Volume '${vid}' is in use and written in place, so there is no settled state of it to take; shut its domain ` +
        'down, or set revisions_to_keep of the volume to 1 or more (counts from its next start)',
    );
  return record.tip;
}

/**
 * The same, for who wants to take the content: an owner in its first run has data but no committed state, and a copy
 * of nothing would pass for a copy of the data. Throws StoragePoolException then.
 */
export async function contentTip(context: DirContext, vid: string): Promise<string | null> {
  const tip = await committedTip(context, vid);
  if (tip === null && (await readRun(context.place.volume(vid))))
    throw new StoragePoolException(
      `Volume '${vid}' is in its first use, so there is no settled state of it to take yet; shut its domain down first`,
    );
  return tip;
}

/** Whether the committed state is the very layer being written. */
export function isInPlace(record: VolumeRecord, run: Run | undefined): boolean {
  return run !== undefined && run.tip !== null && run.tip === record.tip;
}

/** Whether its record or run names the layer. A volume whose files can't be read keeps what it may need. */
export async function usesLayer(context: DirContext, vid: string, layer: string): Promise<boolean> {
  const path = context.place.volume(vid);
  try {
    if ((await readRun(path))?.tip === layer) return true;
    const record = await readRecord(path);
    return record !== undefined && tipsOf(record).has(layer);
  } catch {
    return true;
  }
}

/** Throws StoragePoolException when the volume is started. */
export async function refuseStarted(subject: Subject, verb: string): Promise<void> {
  if (!(await readRun(subject.path))) return;
  throw new StoragePoolException(
    `Volume '${subject.vid}' is in use; shut its domain down before you ${verb} it`,
  );
}

/**
 * Makes `tip` the committed state; what it replaces becomes a revision, and the oldest beyond those to keep go. The
 * layer must already be used by the volume.
 */
export async function commit(
  context: DirContext,
  subject: Subject,
  record: VolumeRecord,
  tip: string | null,
): Promise<void> {
  const left = record.tip === null ? [] : [{ time: timeFor(record), tip: record.tip }];
  await replaceRecord(context, subject, record, {
    ...record,
    tip,
    revisions: kept([...record.revisions, ...left], subject.config.revisionsToKeep),
  });
}

/** Lets go of the oldest revisions beyond those to keep. */
export async function retire(context: DirContext, subject: Subject, record: VolumeRecord): Promise<void> {
  const revisions = kept(record.revisions, subject.config.revisionsToKeep);
  if (revisions.length < record.revisions.length)
    await replaceRecord(context, subject, record, { ...record, revisions });
}

/** Writes a new record and lets go of the layers only the old one named. */
export async function replaceRecord(
  context: DirContext,
  subject: Subject,
  old: VolumeRecord,
  fresh: VolumeRecord,
): Promise<void> {
  await writeRecord(subject.path, fresh);
  const needed = tipsOf(fresh);
  for (const layer of tipsOf(old)) {
    if (!needed.has(layer)) await context.layers.dropUser(layer, volumeUser(subject.vid));
  }
}

/** The newest `count` revisions. */
export function kept<T>(revisions: readonly T[], count: number): readonly T[] {
  return count > 0 ? revisions.slice(-count) : [];
}

/** Now, in seconds; later than any revision there is, so that ids stay unique and in order. */
export function timeFor(record: VolumeRecord): number {
  const newest = record.revisions.at(-1)?.time ?? 0;
  return Math.max(Math.floor(Date.now() / 1000), newest + 1);
}
