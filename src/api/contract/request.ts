import { ProtocolError, printable } from '../../base/errors.ts';

/** Longest request, header and payload together, in bytes (as `qubesd`'s). */
export const MAX_REQUEST = 65_536;

/** A request as it came: cut into parts, nothing checked but the form. */
export interface UntrustedRequest {
  readonly method: string;
  readonly argument: string;
  readonly source: string;
  /** Name, or `uuid:...`. */
  readonly destination: string;
  readonly payload: Buffer;
}

/**
 * `METHOD[+ARG] SP SRC SP name SP DEST NUL PAYLOAD`, with `keyword adminvm` for `name dom0`. Throws ProtocolError.
 */
export function parseRequest(untrustedBytes: Buffer): UntrustedRequest {
  const end = untrustedBytes.indexOf(0);
  if (end < 0) throw new ProtocolError('The request has no NUL byte after its header');
  // One character a byte: what is not ASCII is refused by whoever checks the part it is in.
  const parts = untrustedBytes.toString('latin1', 0, end).split(' ');
  if (parts.length !== 4)
    throw new ProtocolError(
      `The request's header must be METHOD+ARGUMENT SOURCE name DESTINATION, not '${printable(parts.join(' '))}'`,
    );
  const [call, source, kind, name] = parts as [string, string, string, string];
  const plus = call.indexOf('+');
  return {
    method: plus < 0 ? call : call.slice(0, plus),
    argument: plus < 0 ? '' : call.slice(plus + 1),
    source,
    destination: destinationOf(kind, name),
    payload: untrustedBytes.subarray(end + 1),
  };
}

function destinationOf(kind: string, name: string): string {
  if (kind === 'name') return name;
  if (kind === 'keyword' && name === 'adminvm') return 'dom0';
  throw new ProtocolError(
    `The request's destination must be 'name NAME' or 'keyword adminvm', not '${printable(`${kind} ${name}`)}'`,
  );
}
