import { unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';

/**
 * Listens on a unix socket that only its owner and group may use. A socket file that an earlier daemon left is
 * replaced: whoever calls this holds the state's lock, so no other daemon is using it.
 */
export async function listen(path: string, serve: (socket: Socket) => void): Promise<Server> {
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
