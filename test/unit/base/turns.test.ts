import { expect, test } from 'vitest';
import { Turns } from '../../../src/base/turns.ts';

test('tasks run one after another in the order they were asked for', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const task = (name: string) => async () => {
    log.push(`${name} begins`);
    await new Promise(setImmediate);
    log.push(`${name} ends`);
    return name;
  };
  expect(await Promise.all([turns.run(task('a')), turns.run(task('b'))])).toEqual(['a', 'b']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});

test('a task that fails rejects for its caller only', async () => {
  const turns = new Turns();
  const failed = turns.run(async () => {
    throw new Error('broken');
  });
  const next = turns.run(async () => 'fine');
  await expect(failed).rejects.toThrow('broken');
  expect(await next).toBe('fine');
});

test('a task that throws before it returns a promise rejects as well', async () => {
  const turns = new Turns();
  const failed = turns.run(() => {
    throw new Error('at once');
  });
  await expect(failed).rejects.toThrow('at once');
  expect(await turns.run(async () => 1)).toBe(1);
});

test('idle exactly while no task runs or waits', async () => {
  const turns = new Turns();
  expect(turns.idle).toBe(true);
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const first = turns.run(() => gate);
  const second = turns.run(async () => {});
  expect(turns.idle).toBe(false);
  open();
  await first;
  expect(turns.idle).toBe(false);
  await second;
  expect(turns.idle).toBe(true);
});
