import { MAX_REQUEST } from '../api/contract/request.ts';
import { ProtocolError, printable, type QubesException } from '../base/errors.ts';
import { rebuildException } from './exception.ts';

/**
 * The Admin API's bytes as a client sees them: requests out, replies in. Pure. Protocol facts: Qubes 4.4's `qubesd`.
 *
 *   request    METHOD+ARG SP SOURCE SP "name" SP DEST NUL PAYLOAD, then the client half-closes
 *   answer     "0" NUL TEXT
 *   event      "1" NUL SUBJECT NUL EVENT NUL (KEY NUL VALUE NUL)* NUL
 *   exception  "2" NUL CLASS NUL TRACEBACK NUL MESSAGE NUL (ARGUMENT NUL)*
 */

const NUL = 0;

export interface Request {
  readonly source: string;
  readonly dest: string;
  readonly method: string;
  readonly arg: string;
  readonly payload: Uint8Array;
}

/** Throws ProtocolError when a part cannot travel: a space or NUL in the header, or more than MAX_REQUEST bytes. */
export function encodeRequest({ source, dest, method, arg, payload }: Request): Buffer {
  for (const part of [source, dest, method, arg]) {
    if (/[\0 ]/.test(part))
      throw new ProtocolError(`'${printable(part)}' holds a space or a NUL byte; no name in a request may`);
  }
  const header = Buffer.from(`${method}+${arg} ${source} name ${dest}\0`);
  const length = header.length + payload.length;
  if (length > MAX_REQUEST)
    throw new ProtocolError(
      `${method} with ${payload.length} bytes of data is too long; at most ${MAX_REQUEST}`,
    );
  return Buffer.concat([header, payload], length);
}

/** The text of a complete reply. Throws the daemon's exception rebuilt, or ProtocolError when it is no reply. */
export function decodeReply(untrustedReply: Buffer): Buffer {
  if (untrustedReply.length === 0) throw new ProtocolError('the daemon answered nothing; its log says why');
  if (untrustedReply[1] === NUL) {
    if (untrustedReply[0] === 0x30) return untrustedReply.subarray(2);
    if (untrustedReply[0] === 0x32) throw decodeException(untrustedReply);
  }
  throw new ProtocolError(`not an answer: '${printable(untrustedReply.subarray(0, 40).toString('latin1'))}'`);
}

/** The exception a reply that begins with "2" NUL carries. */
export function decodeException(untrustedReply: Buffer): QubesException {
  const [className = '', , format = '', ...args] = untrustedReply.subarray(2).toString('utf8').split('\0');
  return rebuildException(className, fillIn(format, args));
}

/** `%s` and `%%` in a message, which a daemon written in Python may send with arguments beside it. */
function fillIn(format: string, args: readonly string[]): string {
  const remaining = [...args];
  return format.replace(/%([%srd])/g, (whole, kind) => (kind === '%' ? '%' : remaining.shift() || whole));
}

/** One event of the system or of a domain. */
export interface WireEvent {
  /** The domain's name; empty for the system. */
  readonly subject: string;
  readonly name: string;
  readonly kwargs: Readonly<Record<string, string>>;
}

/** Longest event accepted, in bytes. */
const MAX_EVENT = 1_048_576;

/** Cuts a stream of events, arriving in pieces of any size, into events. */
export class EventReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Throws what the daemon refused with, or ProtocolError on bytes that are no event. */
  *push(untrustedChunk: Buffer): Generator<WireEvent> {
    this.#pending = this.#pending.length ? Buffer.concat([this.#pending, untrustedChunk]) : untrustedChunk;
    while (this.#pending.length >= 2) {
      if (this.#pending[0] === 0x32 && this.#pending[1] === NUL) return; // whole only at the end: see `end`
      if (this.#pending[0] !== 0x31 || this.#pending[1] !== NUL)
        throw new ProtocolError(
          `not an event: '${printable(this.#pending.subarray(0, 40).toString('latin1'))}'`,
        );
      const taken = takeEvent(this.#pending);
      if (!taken) break;
      this.#pending = this.#pending.subarray(taken.length);
      yield taken.event;
    }
    if (this.#pending.length > MAX_EVENT)
      throw new ProtocolError(`an event of more than ${MAX_EVENT} bytes; the daemon is broken`);
  }

  /** The stream has ended: throws what it ended with, or ProtocolError when that was the middle of an event. */
  end(): void {
    if (this.#pending[0] === 0x32 && this.#pending[1] === NUL) throw decodeException(this.#pending);
    if (this.#pending.length > 0) throw new ProtocolError('the daemon went away in the middle of an event');
  }
}

/** The first event in `bytes`, unless its end is still missing. */
function takeEvent(bytes: Buffer): { event: WireEvent; length: number } | undefined {
  const fields: string[] = [];
  let from = 2;
  for (;;) {
    const end = bytes.indexOf(NUL, from);
    if (end < 0) return undefined;
    // An empty field where a key would stand ends the event; an empty subject or value does not.
    if (end === from && fields.length >= 2 && fields.length % 2 === 0)
      return { event: eventOf(fields), length: end + 1 };
    fields.push(bytes.toString('utf8', from, end));
    from = end + 1;
  }
}

function eventOf([subject = '', name = '', ...pairs]: readonly string[]): WireEvent {
  const kwargs: Record<string, string> = Object.create(null);
  for (let at = 0; at + 1 < pairs.length; at += 2) kwargs[pairs[at] as string] = pairs[at + 1] as string;
  return { subject, name, kwargs };
}
