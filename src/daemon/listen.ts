import { unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { QubesException } from '../base/errors.ts';

/** Longest path of a unix socket, in bytes: what the kernel's address holds, less its end. */
const MAX_SOCKET_PATH = 107;

/**
 * Listens on a unix socket that only its owner and group may use. A socket file that an earlier daemon left is
 * replaced. Throws QubesException when somebody answers there: a daemon of another state that was given the same run
 * directory.
 */
export async function listen(path: string, serve: (socket: Socket) => void): Promise<Server> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    throw new QubesException(
      `'${path}' is longer than the ${MAX_SOCKET_PATH} bytes a socket's path may have; set BULKHEAD_RUN to a shorter one`,
    );
  if (await isAnswered(path))
    throw new QubesException(
      `another daemon answers at ${path}; stop it, or set BULKHEAD_RUN to another directory`,
    );
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  const server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The file gets its mode when it is made, so that there is no moment at which others could connect.
    const before = process.umask(0o117);
    server.listen({ path, backlog: 1024 }, resolve);
    process.umask(before);
  });
  return server;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
