import { messageOf, printable, QubesValueError } from '../../base/errors.ts';
import { parseXml } from '../../xml/parser.ts';
import { writeXml } from '../../xml/writer.ts';
import type { StoreChange, StoredRecord, StoreKey } from './store.ts';

/** A change as drivers write it: the node's text, or null to remove the key. */
export interface RecordChange {
  readonly key: StoreKey;
  readonly xml: string | null;
}

/** A record is a few kilobytes; this stops a runaway before it fills the disk. */
const maximumLength = 16 * 1024 * 1024;

/** The change as text, taken now, so that the node may be changed afterwards. Throws QubesValueError. */
export function recordChange([key, node]: StoreChange): RecordChange {
  if (!isStoreKey(key)) throw new QubesValueError(`Not a key of the store: '${printable(key)}'`);
  const xml = node === null ? null : writeXml(node);
  if (xml !== null && xml.length > maximumLength) {
    throw new QubesValueError(
      `${key} is ${xml.length} characters long, at most ${maximumLength} can be stored`,
    );
  }
  return { key, xml };
}

/** The record of a key and the text stored under it; one that cannot be read has a `problem`. */
export function storedRecord(untrustedKey: string, untrustedXml: string): StoredRecord {
  const key = untrustedKey as StoreKey;
  if (!isStoreKey(untrustedKey))
    return { key, problem: `not a key of the store: '${printable(untrustedKey)}'` };
  try {
    return { key, node: parseXml(untrustedXml, { maximumLength }) };
  } catch (error) {
    return { key, problem: messageOf(error) };
  }
}

function isStoreKey(key: string): key is StoreKey {
  return /^(system|(label|pool|domain|operation)\/[\x21-\x7e]{1,200})$/.test(key);
}
