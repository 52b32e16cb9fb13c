/**
 * What a document may hold: the `Char` production of XML 1.0 and the names this system accepts, which are
 * fewer than XML's: ASCII letters, digits, `_ . : -`, not beginning with a digit, at most 128 characters.
 */

/** Matches a character no XML 1.0 document can hold, escaped or not; half a surrogate pair included. */
export const forbiddenCharacter = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

const namePattern = /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/;

/** Whether this can be the name of an element or an attribute. */
export function isXmlName(name: string): boolean {
  return namePattern.test(name);
}

/** Elements inside elements, at most; for documents read and written alike. */
export const maximumDepth = 64;
