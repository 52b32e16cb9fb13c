import { expect, test } from 'vitest';
import { Limiter } from '../../../../src/hypervisor/oci/limiter.ts';

test('never more at once than allowed, in order, and failures free their place', async () => {
  const limiter = new Limiter(2);
  const begun: number[] = [];
  let now = 0;
  let most = 0;
  const task = (id: number) => async () => {
    begun.push(id);
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
    if (id % 3 === 0) throw new Error(`task ${id}`);
    return id;
  };
  const all = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((id) => limiter.run(task(id))));
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  expect(most).toBe(2);
  expect(all.map(({ status }) => status)).toEqual([
    'rejected',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
});
