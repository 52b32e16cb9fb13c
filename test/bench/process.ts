import { readdirSync, readFileSync } from 'node:fs';

/**
 * A zombie is not alive: its parent may take seconds to notice. But while it has other threads than the first, these
 * hold its sockets open.
 */
export function isAlive(pid: number): boolean {
  try {
    const isZombie = /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return !isZombie || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}
