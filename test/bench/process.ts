import { readFileSync } from 'node:fs';

/** A zombie is not alive: its parent may take seconds to notice. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
