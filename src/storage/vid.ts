import { printable, StoragePoolException } from '../base/errors.ts';

const PART = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
/** Room is left in a 255-byte file name for what drivers add to it. */
const LONGEST = 160;

/**
 * A volume's identity, checked: relative, slash-separated parts of letters, digits, `_`, `-` and `.`, none beginning
 * with a dot or a dash, at most 160 characters. So it can be used as a path below a pool's directory and never leaves
 * it. Throws StoragePoolException.
 */
export function checkedVid(untrustedVid: string): string {
  if (untrustedVid.length <= LONGEST && untrustedVid.split('/').every((part) => PART.test(part)))
    return untrustedVid;
  throw new StoragePoolException(
    `Volume id '${printable(untrustedVid)}' is not valid: parts of letters, digits, '_', '-' and '.', separated by ` +
      `'/', none beginning with '.' or '-', ${LONGEST} characters at most`,
  );
}
