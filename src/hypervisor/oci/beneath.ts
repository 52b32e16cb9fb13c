import { randomUUID } from 'node:crypto';
import { chown, close, constants, fstat, mkdir, rename } from 'node:fs';
import { promisify } from 'node:util';
import { Errno, KernelError, openBeneath } from './kernel.ts';

/**
 * Directories inside a guest's tree, reached from the host. The guest decides what is in there, so nothing is looked
 * up by path: every step is opened beneath the one before, and no symbolic link is followed.
 */

const O_PATH = 0o10000000;
const OPEN_DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

const HOST_ROOT = 0;

const closeFd = promisify(close);

/** How to name what a descriptor points to, so that calls which want a path reach exactly that. */
export function pathOfFd(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/**
 * Opens the directory `path` beneath the directory `rootFd`, making what is missing (mode 0755, given to `owner`).
 * What stands in the way without being a directory is renamed to `NAME.replaced`, or when the guest has a directory of
 * that name to `NAME.replaced-UUID`. The caller closes the descriptor.
 */
export async function directoryBeneath(rootFd: number, path: string, owner: number): Promise<number> {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  let at = await openBeneath(rootFd, '.', OPEN_DIRECTORY);
  for (const name of names) {
    try {
      const next = await openOrMake(at, name, owner);
      await closeFd(at);
      at = next;
    } catch (thrown) {
      await closeFd(at);
      throw thrown;
    }
  }
  return at;
}

async function openOrMake(directoryFd: number, name: string, owner: number): Promise<number> {
  try {
    return await owned(await openBeneath(directoryFd, name, OPEN_DIRECTORY), owner);
  } catch (thrown) {
    if (!(thrown instanceof KernelError)) throw thrown;
    if (thrown.errno === Errno.ENOTDIR || thrown.errno === Errno.ELOOP) await setAside(directoryFd, name);
    else if (thrown.errno !== Errno.ENOENT) throw thrown;
  }
  await promisify(mkdir)(`${pathOfFd(directoryFd)}/${name}`, 0o755);
  return owned(await openBeneath(directoryFd, name, OPEN_DIRECTORY), owner);
}

/**
 * Gives a directory of the host's root to the domain. No guest can make one: it has just been made here, or was by a
 * daemon that was killed before it came to this.
 */
async function owned(fd: number, owner: number): Promise<number> {
  try {
    const { uid } = await promisify(fstat)(fd);
    if (uid === HOST_ROOT) await promisify(chown)(pathOfFd(fd), owner, owner);
    return fd;
  } catch (thrown) {
    await closeFd(fd);
    throw thrown;
  }
}

/** A directory in the way of the new name must not keep the domain from starting: the guest can put one there. */
async function setAside(directoryFd: number, name: string): Promise<void> {
  const path = `${pathOfFd(directoryFd)}/${name}`;
  await promisify(rename)(path, `${path}.replaced`).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EISDIR') throw error;
    return promisify(rename)(path, `${path}.replaced-${randomUUID()}`);
  });
}
