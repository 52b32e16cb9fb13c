import { printable, QubesValueError } from '../base/errors.ts';

/** The longest name, in characters: what Qubes and its scripts can hold. */
export const MAX_NAME = 31;

const RESERVED = new Set(['none', 'default', 'Domain-0', 'lost+found']);

/** A domain name by Qubes' rules, or QubesValueError saying which rule it breaks. */
export function checkedName(untrustedName: string): string {
  const why = problemWith(untrustedName);
  if (why) throw new QubesValueError(`Invalid domain name '${printable(untrustedName)}': ${why}`);
  return untrustedName;
}

function problemWith(untrustedName: string): string | undefined {
  if (untrustedName === '') return 'it is empty';
  if (untrustedName.length > MAX_NAME) return `it is longer than ${MAX_NAME} characters`;
  if (!/^[a-zA-Z]/.test(untrustedName)) return 'it must begin with a letter';
  if (!/^[a-zA-Z0-9_.-]*$/.test(untrustedName)) return "only letters, digits, '_', '.' and '-' are allowed";
  if (RESERVED.has(untrustedName)) return 'that word has a meaning of its own';
  if (untrustedName.endsWith('-dm')) return "names that end with '-dm' belong to device models";
  return undefined;
}
