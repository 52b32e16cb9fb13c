import { QubesException } from '../../base/errors.ts';

const OK = Buffer.from('0\0');

/** The answer to a request that was done: `30 00`, then the text. */
export function encodeAnswer(text: string | Uint8Array): Buffer {
  if (typeof text !== 'string') return Buffer.concat([OK, text]);
  const bytes = Buffer.allocUnsafe(2 + Buffer.byteLength(text));
  bytes.set(OK);
  bytes.write(text, 2);
  return bytes;
}

/**
 * The answer to one that was refused: `32 00 CLASS 00 TRACEBACK 00 MESSAGE 00`, the traceback empty. Clients fill
 * `%` in the message with arguments, of which there are none, so it is doubled. What is not a QubesException is a
 * defect of ours: the caller is told no more than that.
 */
export function encodeException(error: unknown): Buffer {
  const known = error instanceof QubesException;
  const type = known ? error.name : 'QubesException';
  const message = known ? error.message : 'Internal error; the daemon has logged it';
  return Buffer.from(`2\0${type}\0\0${message.replaceAll('\0', '').replaceAll('%', '%%')}\0`);
}

/** An event: `31 00 SUBJECT 00 EVENT 00 (KEY 00 VALUE 00)* 00`; the empty subject is the system. */
export function encodeEvent(
  subject: string,
  event: string,
  values: Iterable<readonly [string, string]>,
): Buffer {
  let text = `1\0${subject}\0${event}\0`;
  for (const [key, value] of values) text += `${key}\0${value.replaceAll('\0', '')}\0`;
  return Buffer.from(`${text}\0`);
}
