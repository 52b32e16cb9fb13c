import * as koffi from 'koffi';

/**
 * Unix sockets by system call, waited for with poll(2). Node's own sockets cost a client more than our daemon spends
 * on the request; a generator made of them would measure itself. These block the process, which does nothing else.
 */

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SHUT_WR = 1;
const POLLIN = 1;
const POLLFD_BYTES = 8;
const MSG_NOSIGNAL = 0x4000;
const EINTR = 4;

const libc = koffi.load('libc.so.6');
const socketCall = libc.func('int socket(int, int, int)');
const connectCall = libc.func('int connect(int, const void *, uint32_t)');
const sendCall = libc.func('intptr_t send(int, const void *, size_t, int)');
const recvCall = libc.func('intptr_t recv(int, void *, size_t, int)');
const shutdownCall = libc.func('int shutdown(int, int)');
const closeCall = libc.func('int close(int)');
const pollCall = libc.func('int poll(void *, unsigned long, int)');

const incoming = Buffer.alloc(1 << 20);

/** A system call that failed; `errno` as in errno.h. */
export class SocketError extends Error {
  readonly errno: number;
  constructor(call: string) {
    const errno = koffi.errno();
    super(`${call}: errno ${errno}`);
    this.errno = errno;
  }
}

/** Where a socket listens, ready for {@link openWith}. */
export function addressOf(path: string): Buffer {
  return Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(`${path}\0`)]);
}

/** Connects, sends all of `request` and closes that direction; waits while the server's queue is full. */
export function openWith(address: Buffer, request: Buffer): number {
  const fd = socketCall(AF_UNIX, SOCK_STREAM, 0) as number;
  if (fd < 0) throw new SocketError('socket');
  if (connectCall(fd, address, address.length) < 0) throw closing(fd, new SocketError('connect'));
  if (sendCall(fd, request, request.length, MSG_NOSIGNAL) !== request.length)
    throw closing(fd, new SocketError('send'));
  shutdownCall(fd, SHUT_WR);
  return fd;
}

/** What has arrived; empty at end of file. Valid until the next call. */
export function receive(fd: number): Buffer {
  const length = recvCall(fd, incoming, incoming.length, 0) as number;
  if (length < 0) throw new SocketError('recv');
  return incoming.subarray(0, length);
}

export function close(fd: number): void {
  closeCall(fd);
}

function closing(fd: number, error: Error): Error {
  close(fd);
  return error;
}

/** A set of sockets to wait for. */
export class Poller {
  #table = Buffer.alloc(0);
  #fds: number[] = [];

  add(fd: number): void {
    this.#fds.push(fd);
    this.#rebuild();
  }

  remove(fd: number): void {
    this.#fds = this.#fds.filter((other) => other !== fd);
    this.#rebuild();
  }

  /** In one step, for the common case of one request following another. */
  replace(fd: number, by: number): void {
    const at = this.#fds.indexOf(fd);
    this.#fds[at] = by;
    this.#table.writeInt32LE(by, at * POLLFD_BYTES);
  }

  get size(): number {
    return this.#fds.length;
  }

  /** Those with something to read. Throws when nothing comes for `seconds`. */
  wait(seconds = 30): number[] {
    let ready: number;
    do {
      ready = pollCall(this.#table, this.#fds.length, seconds * 1000) as number;
    } while (ready < 0 && koffi.errno() === EINTR);
    if (ready < 0) throw new SocketError('poll');
    if (ready === 0) throw new Error(`no answer for ${seconds} s`);
    return this.#fds.filter((_, at) => this.#table.readInt16LE(at * POLLFD_BYTES + 6) !== 0);
  }

  #rebuild(): void {
    this.#table = Buffer.alloc(this.#fds.length * POLLFD_BYTES);
    for (const [at, fd] of this.#fds.entries()) {
      this.#table.writeInt32LE(fd, at * POLLFD_BYTES);
      this.#table.writeInt16LE(POLLIN, at * POLLFD_BYTES + 4);
    }
  }
}
