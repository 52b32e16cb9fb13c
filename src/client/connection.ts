import { connect, type Socket } from 'node:net';
import { ProtocolError, QubesException } from '../base/errors.ts';

/** Nothing listens where the daemon should. */
export class DaemonNotRunningError extends QubesException {
  constructor(socketPath: string, reason: string) {
    super(
      `the Bulkhead daemon is not running (no answer at ${socketPath}: ${reason}); start it with: npm start, or: bulkhead daemon`,
    );
  }
}

/** Longest answer accepted, in bytes: a daemon gone wrong must not fill this process's memory. */
const MAX_REPLY = 256 * 1024 * 1024;

/** Opens a connection. Throws DaemonNotRunningError when nobody listens, PermissionDenied-like text when not allowed. */
export function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket.off('error', refuse)));
    socket.once('error', refuse);
    function refuse(error: NodeJS.ErrnoException) {
      reject(explain(path, error));
    }
  });
}

function explain(path: string, error: NodeJS.ErrnoException): QubesException {
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return new QubesException(
      `no permission to use ${path}; run as the user the daemon runs as, or join the socket's group`,
    );
  if (error.code === 'ENOENT') return new DaemonNotRunningError(path, 'no such socket');
  if (error.code === 'ECONNREFUSED') return new DaemonNotRunningError(path, 'nobody listens');
  return new DaemonNotRunningError(path, error.message);
}

/** Sends one request and collects its whole answer. One connection a request, as the protocol wants. */
export async function exchange(path: string, request: Buffer): Promise<Buffer> {
  const socket = await openSocket(path);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_REPLY) socket.destroy(new ProtocolError(`an answer of more than ${MAX_REPLY} bytes`));
    });
    socket.once('end', () => {
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length));
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A daemon may refuse before it has read everything: what it said still counts.
      if (length > 0 && (error.code === 'EPIPE' || error.code === 'ECONNRESET'))
        resolve(Buffer.concat(chunks));
      else if (error instanceof QubesException) reject(error);
      else
        reject(new QubesException(`the daemon closed the connection without an answer (${error.message})`));
    });
    socket.end(request);
  });
}
