import type { Readable } from 'node:stream';

/** How a volume was asked for: kept in the domain's stored `volume-config`, attribute names as on Qubes. */
export interface VolumeConfig {
  /** `root`, `private`, `volatile` or `kernel`. */
  readonly name: string;
  /** Identity inside its pool, `appvms/work/private`. */
  readonly vid: string;
  /** Bytes; the most it may hold. */
  readonly size: number;
  /** The domain may write it. */
  readonly rw: boolean;
  /** At start the domain gets a snapshot of `source`; nothing of its own is kept. */
  readonly snapOnStart: boolean;
  /** What the domain wrote is kept when it stops. */
  readonly saveOnStop: boolean;
  /** `vid` of the volume a snapshot is taken of; only with `snapOnStart`. In the same pool. */
  readonly source?: string;
  /** How many earlier states are kept; 0 = none. */
  readonly revisionsToKeep: number;
}

/** A range of the host's user and group ids that belongs to one domain: its root is `start`. */
export interface IdRange {
  readonly start: number;
  readonly length: number;
}

/** A directory of files, read only, whose files belong to ids counted from `idStart` (0: the host's own). */
export interface Layer {
  readonly path: string;
  readonly idStart: number;
}

/**
 * One mount of a directory tree. Either an overlay (`lower` topmost first, with `upper` and `work` when it may be
 * written), or, when `lower` is empty, `upper` itself in place.
 */
export interface TreeMount {
  /** Where in the volume: `/` first, then mounts below it, such as `/usr`. */
  readonly target: string;
  readonly lower: readonly Layer[];
  /** Receives what is written; owned by the domain's id range. */
  readonly upper?: string;
  /** Overlay's scratch directory, beside `upper`; unless `lower` is empty. */
  readonly work?: string;
}

/** What a started volume gives the engine. Containers take trees; machines take block files (a later driver). */
export type Attachment =
  | { readonly kind: 'tree'; readonly mounts: readonly TreeMount[] }
  | { readonly kind: 'block'; readonly path: string; readonly format: 'raw' | 'qcow2'; readonly readonly: boolean };

/** An earlier state of a volume. */
export interface Revision {
  readonly id: string;
  /** When it was left behind. */
  readonly time: Date;
}

/**
 * One volume of one domain. Every driver passes `test/contract/pool.contract.ts`.
 *
 * All methods are idempotent where their name allows (create, remove, start, stop twice do no harm), because after
 * a crash the journal repeats them. None runs on the host's event loop for longer than a few system calls.
 * Errors: StoragePoolException, and ENOSPC as StoragePoolException that says so.
 */
export interface Volume {
  readonly config: VolumeConfig;
  /** Makes it exist, empty. */
  create(): Promise<void>;
  /** Makes it and its revisions be gone. Refused while started. */
  remove(): Promise<void>;
  /** Ready for use by a domain with these ids. A volume left started by a crash is handed out again as it was. */
  start(ids: IdRange): Promise<Attachment>;
  /** The domain is gone: keep or discard what it wrote, as configured, and retire old revisions. */
  stop(): Promise<void>;
  /** Takes over the content of `source` (a volume of any driver of the same kind), last committed state. */
  cloneFrom(source: Volume): Promise<void>;
  /** Oldest first. */
  revisions(): Promise<readonly Revision[]>;
  /** Back to that revision (the newest when not given). Refused while started. */
  revert(revision?: string): Promise<void>;
  /** New size in bytes; never smaller. */
  resize(size: number): Promise<void>;
  /** A tar stream (trees) or raw bytes (blocks) of the last committed state. */
  exportData(): Promise<Readable>;
  /** Replaces the content; all or nothing. */
  importData(untrustedData: Readable): Promise<void>;
  /** Bytes used. */
  usage(): Promise<number>;
  /** Started and not yet stopped, or left so by a crash. */
  isDirty(): Promise<boolean>;
  /** A newer state of `source` exists than the one this running snapshot was taken of. */
  isOutdated(): Promise<boolean>;
}
