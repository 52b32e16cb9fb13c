import { setTimeout as wait } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Locks } from '../../../../src/storage/dir/locks.ts';

describe('locks', () => {
  it('let tasks that share a key run one at a time, and never hang, whatever the keys and failures', async () => {
    const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
    const tasks = fc.array(
      fc.record({ keys, fails: fc.boolean(), early: fc.constantFrom('a', 'b', 'none') }),
      {
        maxLength: 12,
      },
    );
    await fc.assert(
      fc.asyncProperty(tasks, async (plan) => {
        const locks = new Locks();
        const inside = new Set<string>();
        const outcomes = await Promise.allSettled(
          plan.map((task) =>
            locks.hold(task.keys, async (release) => {
              for (const key of new Set(task.keys)) {
                if (inside.has(key)) throw new Error(`two hold ${key}`);
                inside.add(key);
              }
              await Promise.resolve();
              inside.delete(task.early);
              release(task.early);
              await Promise.resolve();
              for (const key of task.keys) if (key !== task.early) inside.delete(key);
              if (task.fails) throw new Error('planned');
            }),
          ),
        );
        expect(outcomes.map(({ status }) => status)).toEqual(
          plan.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
        );
        for (const outcome of outcomes)
          if (outcome.status === 'rejected') expect(outcome.reason.message).toBe('planned');
      }),
    );
  });

  it('are given in the order they were asked for', async () => {
    const locks = new Locks();
    const order: number[] = [];
    await Promise.all(
      [5, 1, 3].map((delay, index) =>
        locks.hold(['key'], async () => {
          await wait(delay);
          order.push(index);
        }),
      ),
    );
    expect(order).toEqual([0, 1, 2]);
  });

  it('that share nothing do not wait for each other', async () => {
    const locks = new Locks();
    const { promise: stuck, resolve: free } = Promise.withResolvers<void>();
    const first = locks.hold(['a'], () => stuck);
    expect(await locks.hold(['b'], async () => 'done')).toBe('done');
    free();
    await first;
  });
});
