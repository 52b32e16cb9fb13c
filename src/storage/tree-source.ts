import type { Volume } from './volume.ts';

/** A tree being filled; nobody else sees it until it is complete. */
export interface EmptyTree {
  /** An existing, empty directory: the `/` of the tree. Files in it belong to the host's own ids: 0 is root. */
  readonly root: string;
  /** At `target` (`/usr`) the tree shows this directory of the host, read only and as it is at any time. */
  useHostDirectory(target: string, hostPath: string): Promise<void>;
}

export interface BuildOptions {
  /** Told in a line of text what is being done; for people. */
  readonly onProgress?: (line: string) => void;
  /** Gives up; the build then rejects and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/** Something that can fill a tree: a way to a first template. */
export interface TreeSource {
  /** The `template/source` feature's value: `host`, `debian`. */
  readonly name: string;
  /**
   * Fills the tree. Rejects with StoragePoolException that says what failed or is missing, and the remedy; the
   * caller then discards the tree.
   */
  build(tree: EmptyTree, options?: BuildOptions): Promise<void>;
}

/** A volume that keeps directory trees and so can be filled by a {@link TreeSource}. */
export interface TreeVolume extends Volume {
  /** Replaces the content with what `source` builds; all or nothing. Refused while started. */
  populate(source: TreeSource, options?: BuildOptions): Promise<void>;
}

/** Whether this volume's driver keeps trees, and with them `populate`. */
export function isTreeVolume(volume: Volume): volume is TreeVolume {
  return 'populate' in volume && typeof volume.populate === 'function';
}
