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

/**
 * A directory of files, read only, whose files belong to ids counted from `idStart` (0: the host's own). Layers of
 * one mount may count from different starts: each needs an id map of its own. Those of start 0 may lie below a
 * directory only root can pass, because they hold set-user-id programs of root.
 */
export interface Layer {
  readonly path: string;
  readonly idStart: number;
}

/**
 * One mount of a directory tree, one of:
 * - an overlay that may be written: `lower` (topmost first), `upper` and `work`;
 * - a tree that may only be read: `lower` alone, one layer or more;
 * - a plain directory: `lower` is empty, `upper` is the tree itself, in place.
 *
 * Layers are merged and folded on the host, so an overlay must be mounted with `redirect_dir`, `metacopy` and
 * `index` off: what is in an upper then means the same without the layers it was written over.
 */
export interface TreeMount {
  /** Where in the volume: `/` first, then mounts below it, such as `/usr`. */
  readonly target: string;
  readonly lower: readonly Layer[];
  /** Receives what is written; owned by the domain's id range (never id-mapped). */
  readonly upper?: string;
  /** Overlay's scratch directory, beside `upper`; exactly when both `lower` and `upper` are given. */
  readonly work?: string;
}

/** What a started volume gives the engine. Containers take trees; machines take block files (a later driver). */
export type Attachment =
  | { readonly kind: 'tree'; readonly mounts: readonly TreeMount[] }
  | {
      readonly kind: 'block';
      readonly path: string;
      readonly format: 'raw' | 'qcow2';
      readonly readonly: boolean;
    };

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
  /** Makes it exist, empty. A volume that keeps nothing (snapshot, volatile) exists only while started. */
  create(): Promise<void>;
  /** Whether there is a state of it that is kept, be it one that cannot be read. */
  exists(): Promise<boolean>;
  /** Makes it and its revisions be gone. Refused while started. */
  remove(): Promise<void>;
  /**
   * Ready for use by a domain with these ids. A volume left started by a crash is handed out again as it was, to the
   * same ids only. A snapshot is of the source's last committed state; it is refused while the source is started and
   * written in place, that is without an earlier state being kept.
   *
   * The trees may be empty: a fresh `private` has no `home` or `usrlocal` until the engine makes them.
   */
  start(ids: IdRange): Promise<Attachment>;
  /** The domain is gone: keep or discard what it wrote, as configured, and retire old revisions. */
  stop(): Promise<void>;
  /**
   * Takes over the content of `source` (a volume of any driver of the same kind), last committed state; what it held
   * before becomes a revision. Refused while started, and while `source` is written in place.
   */
  cloneFrom(source: Volume): Promise<void>;
  /** Oldest first. */
  revisions(): Promise<readonly Revision[]>;
  /**
   * Back to that revision (the newest when not given), which so stops being one; the state left becomes a revision.
   * Refused while started. QubesVolumeRevisionNotFoundError when there is no such revision.
   */
  revert(revision?: string): Promise<void>;
  /** New size in bytes; never smaller. */
  resize(size: number): Promise<void>;
  /**
   * A tar stream (trees; ids counted from 0) or raw bytes (blocks) of the last committed state. Refused while written
   * in place.
   */
  exportData(): Promise<Readable>;
  /** Replaces the content; all or nothing. What it held before becomes a revision. Refused while started. */
  importData(untrustedData: Readable): Promise<void>;
  /** Bytes used. */
  usage(): Promise<number>;
  /** Started and not yet stopped, or left so by a crash. */
  isDirty(): Promise<boolean>;
  /** A newer state of `source` exists than the one this running snapshot was taken of. */
  isOutdated(): Promise<boolean>;
}
