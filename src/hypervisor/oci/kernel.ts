import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { QubesException } from '../../base/errors.ts';

/**
 * The kernel calls Node has no name for, through libc. Each rejects (or throws) with a {@link KernelError}.
 * Those that may wait for a disk run on Node's worker threads, so none holds up the event loop.
 */

/** A call the kernel refused. */
export class KernelError extends QubesException {
  readonly errno: number;
  constructor(call: string, subject: string, errno: number) {
    super(`${call} ${subject}: ${errorName(errno)}`);
    this.errno = errno;
  }
}

export const Errno = { ENOENT: 2, EBUSY: 16, ENOTDIR: 20, EINVAL: 22, ELOOP: 40 } as const;

export const MountFlag = {
  readOnly: 1,
  noSetuid: 2,
  noDevices: 4,
  remount: 32,
  bind: 4096,
} as const;

type Call = ReturnType<typeof libc.func>;
type Argument = string | number | bigint | object | null;

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2000000;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOVE_MOUNT_T_SYMLINKS = 0x10;
const MOUNT_ATTR_RDONLY = 1;
const MOUNT_ATTR_NOSUID = 2;
const MOUNT_ATTR_NODEV = 4;
const MOUNT_ATTR_IDMAP = 0x10_0000;
const UMOUNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const RESOLVE_NO_MAGICLINKS = 2;
const RESOLVE_NO_SYMLINKS = 4;
const RESOLVE_BENEATH = 8;
const LOCK_EX = 2;
const LOCK_NB = 4;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

/** System calls without a libc function; their numbers are the same on every architecture since 5.0. */
const SYS_OPEN_TREE = 428;
const SYS_MOVE_MOUNT = 429;
const SYS_OPENAT2 = 437;
const SYS_MOUNT_SETATTR = 442;

const libc = koffi.load('libc.so.6');
const mountCall = libc.func('int mount(const char*, const char*, const char*, unsigned long, const char*)');
const umountCall = libc.func('int umount2(const char*, int)');
const socketCall = libc.func('int socket(int, int, int)');
const bindCall = libc.func('int bind(int, const void*, unsigned int)');
const listenCall = libc.func('int listen(int, int)');
const flockCall = libc.func('int flock(int, int)');
const fchmodCall = libc.func('int fchmod(int, unsigned int)');
const openTreeCall = libc.func('syscall', 'long', ['long', 'long', 'str', 'ulong']);
const moveMountCall = libc.func('syscall', 'long', ['long', 'long', 'str', 'long', 'str', 'ulong']);
const mountSetattrCall = libc.func('syscall', 'long', ['long', 'long', 'str', 'ulong', 'void*', 'size_t']);
const openat2Call = libc.func('syscall', 'long', ['long', 'long', 'str', 'void*', 'size_t']);

/** Mounts as mount(2). `data` holds the file system's own options. */
export async function mount(
  source: string,
  target: string,
  type: string,
  flags: number,
  data = '',
): Promise<void> {
  await call('mount', target, mountCall, [source, target, type, flags, data]);
}

/** Takes a mount off its place at once; it ends when its last user does. Harmless where nothing is mounted. */
export async function unmount(target: string): Promise<void> {
  try {
    await call('umount', target, umountCall, [target, UMOUNT_DETACH | UMOUNT_NOFOLLOW]);
  } catch (thrown) {
    if (!(thrown instanceof KernelError) || !NOT_MOUNTED.has(thrown.errno)) throw thrown;
  }
}

const NOT_MOUNTED = new Set<number>([Errno.ENOENT, Errno.EINVAL]);

/**
 * Mounts the directory `source` at `target` too, without what is mounted below it, without device files and set-id
 * bits. With `namespaceFd`, a user namespace, its files' ids are mapped: what is id N on disk shows as what N inside
 * the namespace is outside of it.
 */
export async function mountDirectory(
  source: string,
  target: string,
  options: { readonly readOnly?: boolean; readonly namespaceFd?: number } = {},
): Promise<void> {
  const tree = await call('open_tree', source, openTreeCall, [
    SYS_OPEN_TREE,
    AT_FDCWD,
    source,
    OPEN_TREE_CLONE | O_CLOEXEC,
  ]);
  try {
    const attributes = mountAttributes(options);
    await call('mount_setattr', source, mountSetattrCall, [
      SYS_MOUNT_SETATTR,
      tree,
      '',
      AT_EMPTY_PATH,
      attributes,
      attributes.length,
    ]);
    await call('move_mount', target, moveMountCall, [
      SYS_MOVE_MOUNT,
      tree,
      '',
      AT_FDCWD,
      target,
      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS, // a descriptor's path is a link
    ]);
  } finally {
    closeSync(tree);
  }
}

/** A `struct mount_attr`: what to set, to clear, the propagation, the user namespace. */
function mountAttributes(options: { readonly readOnly?: boolean; readonly namespaceFd?: number }): Buffer {
  const attributes = Buffer.alloc(32);
  const readOnly = options.readOnly ? MOUNT_ATTR_RDONLY : 0;
  const mapped = options.namespaceFd === undefined ? 0 : MOUNT_ATTR_IDMAP;
  attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | readOnly | mapped), 0);
  attributes.writeBigUInt64LE(BigInt(options.namespaceFd ?? 0), 24);
  return attributes;
}

/**
 * Opens `name` beneath the directory `directoryFd`, following no symbolic link anywhere in it and never leaving the
 * directory. `flags` as for open(2).
 */
export async function openBeneath(directoryFd: number, name: string, flags: number): Promise<number> {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS), 16);
  return call('open', name, openat2Call, [SYS_OPENAT2, directoryFd, name, how, how.length]);
}

/** Takes the lock on an open file if nobody else has it; it is let go when every copy of the descriptor is closed. */
export function tryLock(fd: number): boolean {
  return (flockCall(fd, LOCK_EX | LOCK_NB) as number) === 0;
}

/**
 * A listening unix stream socket at `path` (at most 107 bytes) that only its owner may connect to. The descriptor is
 * the caller's, meant to be handed to a child.
 */
export function listenUnix(path: string, backlog: number): number {
  const bytes = Buffer.from(path);
  if (bytes.length > 107) throw new QubesException(`socket path too long: '${path}'; at most 107 bytes`);
  const fd = checked('socket', path, socketCall(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) as number);
  try {
    const address = Buffer.alloc(2 + bytes.length + 1);
    address.writeUInt16LE(AF_UNIX, 0);
    address.set(bytes, 2);
    checked('fchmod', path, fchmodCall(fd, 0o600) as number);
    checked('bind', path, bindCall(fd, address, address.length) as number);
    checked('listen', path, listenCall(fd, backlog) as number);
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

function call(name: string, subject: string, target: Call, values: Argument[]): Promise<number> {
  return new Promise((resolve, reject) => {
    target.async(...values, (error: unknown, result: number) => {
      if (error) reject(error);
      else if (Number(result) < 0) reject(new KernelError(name, subject, koffi.errno()));
      else resolve(Number(result));
    });
  });
}

function checked(name: string, subject: string, result: number): number {
  if (result < 0) throw new KernelError(name, subject, koffi.errno());
  return result;
}

function errorName(errno: number): string {
  const known = Object.entries(koffi.os.errno).find(([, number]) => number === errno);
  return known ? known[0] : `error ${errno}`;
}
