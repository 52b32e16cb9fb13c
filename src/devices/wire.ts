/**
 * The text in which devices and assignments travel: `key='value' key='value'`, printable ASCII, a quote inside a
 * value written `\'`. Keys that begin with `_` are free-form options (Qubes 4.4, `admin.vm.device.*`).
 *
 * A backslash is not escaped in this notation, so a value that ends with one cannot be told from one that goes on:
 * such a value is refused instead of being sent ambiguously.
 */
import { ProtocolError, printable } from '../base/errors.ts';

/** Longest serialised text read, in characters; a request is at most 64 KiB anyway. */
const MAX_TEXT = 65_536;

const KEY = /^[0-9A-Za-z!#$%&()*+,\-./:;<>?@[\\\]^_{|}~]{1,255}$/;
const ENTRY = / *([^ ='"`]+)='((?:[^'\\]|\\'|\\(?!'))*)'(?: +|$)/y;

/** Throws ProtocolError. */
export function checkedKey(untrustedKey: string): string {
  if (!KEY.test(untrustedKey))
    throw new ProtocolError(
      `Invalid name of a device property or option '${printable(untrustedKey)}': printable ASCII without blanks, ` +
        'quotes or =',
    );
  return untrustedKey;
}

/** Throws ProtocolError. */
export function checkedValue(untrustedValue: string): string {
  if (!/^[\x20-\x7e]*$/.test(untrustedValue) || untrustedValue.endsWith('\\'))
    throw new ProtocolError(
      `Invalid value of a device property or option '${printable(untrustedValue)}': printable ASCII that does not ` +
        'end with a backslash',
    );
  return untrustedValue;
}

/** In the order given. Throws ProtocolError when a key or value cannot be written. */
export function pack(properties: Iterable<readonly [key: string, value: string]>): string {
  return [...properties]
    .map(([key, value]) => `${checkedKey(key)}='${checkedValue(value).replaceAll("'", "\\'")}'`)
    .join(' ');
}

/** What was packed: properties and options apart, options without their `_`. */
export interface Unpacked {
  readonly properties: Map<string, string>;
  readonly options: Map<string, string>;
}

/** Reads what {@link pack} wrote. Throws ProtocolError for anything else, and for a key that is there twice. */
export function unpack(untrustedText: string): Unpacked {
  const unpacked: Unpacked = { properties: new Map(), options: new Map() };
  for (const [key, value] of entries(untrustedText.trim())) {
    const [table, name] = key.startsWith('_')
      ? [unpacked.options, checkedKey(key.slice(1))]
      : [unpacked.properties, key];
    if (table.has(name)) throw new ProtocolError(`Device property '${printable(key)}' is given twice`);
    table.set(name, value);
  }
  return unpacked;
}

function* entries(untrustedText: string): Generator<[string, string]> {
  if (untrustedText.length > MAX_TEXT)
    throw new ProtocolError(`Device properties of ${untrustedText.length} characters; at most ${MAX_TEXT}`);
  for (let at = 0; at < untrustedText.length; at = ENTRY.lastIndex) {
    ENTRY.lastIndex = at;
    const [, key, value] = ENTRY.exec(untrustedText) ?? [];
    if (key === undefined || value === undefined)
      throw new ProtocolError(
        `Invalid device properties at character ${at}: '${printable(untrustedText.slice(at), 40)}': ` +
          "it must be key='value'",
      );
    yield [checkedKey(key), checkedValue(value.replaceAll("\\'", "'"))];
  }
}
