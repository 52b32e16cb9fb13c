import { lstat, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { StoragePoolException } from '../../base/errors.ts';
import { unless } from './failure.ts';
import { isLayerId } from './layer-id.ts';
import { syncDirectory } from './place.ts';

/** What a volume is made of: the file `.volume`, JSON; an empty file is an empty volume. */
export interface VolumeRecord {
  /** The top layer of the committed state; null when nothing was ever written. */
  readonly tip: string | null;
  /** Earlier states, oldest first; `time` in seconds since 1970, unique, is also their id. */
  readonly revisions: readonly { readonly time: number; readonly tip: string }[];
  /** Bytes, once the volume was resized. */
  readonly size?: number;
}

const FILE = '.volume';
const EMPTY: VolumeRecord = { tip: null, revisions: [] };

/** Undefined when the volume doesn't exist. Throws StoragePoolException when the file is damaged. */
export async function readRecord(volume: string): Promise<VolumeRecord | undefined> {
  const path = join(volume, FILE);
  const untrustedText = await unless(['ENOENT', 'ENOTDIR'], readFile(path, 'utf8'));
  if (untrustedText === undefined) return undefined;
  if (untrustedText === '') return EMPTY;
  const record = parsed(untrustedText);
  if (record) return record;
  throw new StoragePoolException(`${path} is damaged; restore the volume from a backup, or remove it`);
}

/** Whether the volume exists, be its file damaged. */
export async function hasRecord(volume: string): Promise<boolean> {
  return (await unless(['ENOENT', 'ENOTDIR'], lstat(join(volume, FILE)))) !== undefined;
}

/** Makes an empty record that survives a power loss; an existing one stays. */
export async function createRecord(volume: string): Promise<void> {
  const file = await unless('EEXIST', open(join(volume, FILE), 'wx', 0o600));
  if (!file) return;
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaces the record at once and for good. */
export async function writeRecord(volume: string, record: VolumeRecord): Promise<void> {
  const fresh = join(volume, `${FILE}.new`);
  const file = await open(fresh, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, join(volume, FILE));
  await syncDirectory(volume);
}

/** All layers a record names directly. */
export function tipsOf(record: VolumeRecord): Set<string> {
  const tips = record.revisions.map((revision) => revision.tip);
  return new Set(record.tip === null ? tips : [...tips, record.tip]);
}

function parsed(untrustedText: string): VolumeRecord | undefined {
  let untrusted: Partial<Record<keyof VolumeRecord, unknown>> | null;
  try {
    untrusted = JSON.parse(untrustedText);
  } catch {
    return undefined;
  }
  if (typeof untrusted !== 'object' || untrusted === null) return undefined;
  const { tip, revisions, size } = untrusted;
  if (tip !== null && !isLayerId(tip)) return undefined;
  if (!Array.isArray(revisions) || !revisions.every(isRevision)) return undefined;
  if (size === undefined) return { tip, revisions };
  return Number.isSafeInteger(size) ? { tip, revisions, size: size as number } : undefined;
}

function isRevision(untrusted: unknown): untrusted is { time: number; tip: string } {
  if (typeof untrusted !== 'object' || untrusted === null) return false;
  const { time, tip } = untrusted as Record<string, unknown>;
  return Number.isSafeInteger(time) && isLayerId(tip);
}
