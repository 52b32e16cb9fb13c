import { ProtocolError, printable, type QubesValueError } from '../base/errors.ts';

/** The payload as ASCII text. Throws the error that Qubes gives for this kind of value. */
export function asciiPayload(
  untrustedPayload: Buffer,
  Refusal: typeof ProtocolError | typeof QubesValueError = ProtocolError,
): string {
  const text = untrustedPayload.toString('latin1');
  if (!/^[\x00-\x7f]*$/.test(text)) throw new Refusal(`The value must be ASCII, not '${printable(text)}'`);
  if (text.includes('\0')) throw new Refusal(`The value must not hold a NUL byte: '${printable(text)}'`);
  return text;
}

/** The payload as UTF-8 text. Throws ProtocolError. */
export function utf8Payload(untrustedPayload: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(untrustedPayload);
  } catch {
    throw new ProtocolError('The payload is not UTF-8 text');
  }
}

/** `name=work label=red`: each key once, only those allowed. Throws ProtocolError. */
export function pairsPayload(
  untrustedPayload: Buffer,
  allowed: (key: string) => boolean,
): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of asciiPayload(untrustedPayload).split(' ')) {
    const equals = pair.indexOf('=');
    if (equals < 0) throw new ProtocolError(`Expected KEY=VALUE, not '${printable(pair)}'`);
    const key = pair.slice(0, equals);
    if (!allowed(key)) throw new ProtocolError(`Unexpected key '${printable(key)}'`);
    if (Object.hasOwn(pairs, key)) throw new ProtocolError(`The key '${printable(key)}' is given twice`);
    pairs[key] = pair.slice(equals + 1);
  }
  return pairs;
}

/** A whole number of at least zero. Throws ProtocolError. */
export function numberPayload(untrustedPayload: Buffer): number {
  const text = asciiPayload(untrustedPayload).trim();
  if (!/^\d{1,15}$/.test(text)) throw new ProtocolError(`Expected a whole number, not '${printable(text)}'`);
  return Number(text);
}
