import { ADMIN_NAME } from '../../vm/properties/admin.ts';
import type { XmlNode } from '../../xml/node.ts';
import type { DomainRecord } from './domain-record.ts';

/** A domain on its way in. With a `problem`, it leaves as it was found. */
export interface Candidate {
  readonly found: XmlNode;
  readonly name: string;
  readonly record: DomainRecord;
  problem: string | undefined;
}

/** What the steps of an import work on. */
export interface Import {
  readonly candidates: readonly Candidate[];
  readonly system: Map<string, string>;
  readonly pools: ReadonlySet<string>;
  warn(text: string): void;
}

/** The candidates nothing is wrong with so far. */
export function sound(work: Import): Candidate[] {
  return work.candidates.filter(({ problem }) => problem === undefined);
}

/** Every name that may be referred to: broken domains' too, and the AdminVM's, which is always there. */
export function domainNames(work: Import): ReadonlySet<string> {
  return new Set([ADMIN_NAME, ...work.candidates.map(({ name }) => name)]);
}
