import { setTimeout as sleep } from 'node:timers/promises';
import { QubesVMError } from '../../base/errors.ts';

/** Waits until something is so, looking ever less often; rejects with `why` after `deadline` milliseconds. */
export async function within(
  deadline: number,
  why: string,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + deadline;
  for (let pause = 1; !(await isSo()); pause = Math.min(pause * 2, 20)) {
    if (performance.now() > end) throw new QubesVMError(`${why} (waited ${Math.round(deadline)} ms)`);
    await sleep(pause);
  }
}
