import { expect, test } from 'vitest';
import { MemoryState, MemoryStore } from '../../../../src/app/store/memory/store.ts';
import { element } from '../../../../src/xml/node.ts';

test('a commit beyond the capacity fails whole, with those behind it, and room makes it work again', async () => {
  const state = new MemoryState();
  await using store = new MemoryStore(state);
  await store.load();
  await store.commit([['domain/a', element('domain')]]);
  state.capacity = 12;
  const asked = [
    store.commit([
      ['domain/a', null],
      ['domain/b', element('domain', {}, 'long enough')],
    ]),
    store.commit([['domain/c', element('x')]]),
  ];
  await expect(Promise.all(asked)).rejects.toThrow('disk full');
  expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect([...state.records.keys()]).toEqual(['domain/a']);
  state.capacity = Number.POSITIVE_INFINITY;
  await store.commit([['domain/c', element('x')]]);
  expect([...state.records.keys()]).toEqual(['domain/a', 'domain/c']);
});
