import { printable, StoragePoolException } from '../base/errors.ts';
import type { VolumeConfig } from './volume.ts';

const PART = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
/** Room is left in a 255-byte file name for what drivers add to it. */
const LONGEST = 160;

/**
 * What every driver asks of a volume's configuration: ids that stay in the pool (relative, slash-separated parts of
 * letters, digits, `_`, `-` and `.`, none beginning with a dot or a dash, at most 160 characters in all), and a
 * combination of flags that has a meaning. Throws StoragePoolException.
 */
export function checkVolumeConfig(config: VolumeConfig): void {
  const { vid, source, snapOnStart, saveOnStop } = config;
  checkVid(vid);
  if (source !== undefined) checkVid(source);
  if (snapOnStart !== (source !== undefined))
    throw new StoragePoolException(`Volume '${vid}': snap_on_start and a source need each other`);
  if (snapOnStart && saveOnStop)
    throw new StoragePoolException(`Volume '${vid}': snap_on_start and save_on_stop exclude each other`);
  if (source === vid) throw new StoragePoolException(`Volume '${vid}' cannot be a snapshot of itself`);
  if (!Number.isSafeInteger(config.revisionsToKeep) || config.revisionsToKeep < 0)
    throw new StoragePoolException(`Volume '${vid}': cannot keep ${config.revisionsToKeep} revisions`);
}

function checkVid(untrustedVid: string): void {
  if (untrustedVid.length <= LONGEST && untrustedVid.split('/').every((part) => PART.test(part))) return;
  throw new StoragePoolException(
    `Volume id '${printable(untrustedVid)}' is not valid: parts of letters, digits, '_', '-' and '.', separated by ` +
      `'/', none beginning with '.' or '-', ${LONGEST} characters at most`,
  );
}
