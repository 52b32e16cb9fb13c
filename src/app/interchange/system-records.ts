import type { XmlNode } from '../../xml/node.ts';

/** A domain's node. `problem` says why it can only be carried as broken; the node is then as it was found. */
export interface CarriedDomain {
  readonly node: XmlNode;
  readonly problem?: string | undefined;
}

/** A whole system as the nodes its store holds, each spelled as this system writes it. */
export interface SystemRecords {
  /** The system's `<properties>`. */
  readonly properties: XmlNode;
  /** `<label>` each. */
  readonly labels: readonly XmlNode[];
  /** `<pool>` each. */
  readonly pools: readonly XmlNode[];
  /** `<domain>` each; those without a problem have a valid name, number and class, unique among them. */
  readonly domains: readonly CarriedDomain[];
}

/** What a foreign file held. */
export interface ImportedSystem extends SystemRecords {
  /** What was changed, left out, or could not be used; a sentence each, naming the domain and the value. */
  readonly warnings: readonly string[];
}
