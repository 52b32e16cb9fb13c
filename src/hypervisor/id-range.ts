import { createHash } from 'node:crypto';
import type { IdRange } from '../storage/volume.ts';

/** Ids of one domain; as many as any system inside expects. */
const LENGTH = 65_536;

/**
 * The ranges begin above what distributions hand out by themselves: Debian's `/etc/subuid` may grant ordinary users
 * 100000 to 10100000.
 */
const FIRST_RANGE = 256;

/**
 * The highest qid: the last one that has an address in 10.137/16 (see net/address-plan). Its range of ids fits in 32
 * bits, as would those of a few more.
 */
export const MAX_QID = 65_024;

/**
 * The host user and group ids that belong to the domain with this qid, and to no other of its system. `offset` is the
 * system's: any whole number, the same for as long as the system lives.
 */
export function idRangeOf(qid: number, offset = 0): IdRange {
  if (!Number.isInteger(qid) || qid < 1 || qid > MAX_QID)
    throw new RangeError(`no id range for qid ${qid}; qids go from 1 to ${MAX_QID}`);
  // The range at FIRST_RANGE itself is nobody's: what is imported into a volume begins there.
  const slot = 1 + ((qid - 1 + offset) % MAX_QID);
  return { start: (FIRST_RANGE + slot) * LENGTH, length: LENGTH };
}

/**
 * An offset for the system whose state is in that directory. Several systems on one machine so have ranges of their
 * own: that two small ones meet is as unlikely as their number of domains in 65,000.
 */
export function idOffsetOf(stateDirectory: string): number {
  return createHash('sha256').update(stateDirectory).digest().readUInt32BE() % MAX_QID;
}
