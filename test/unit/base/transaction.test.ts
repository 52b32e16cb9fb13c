import { expect, test } from 'vitest';
import { type Stored, Transaction } from '../../../src/base/transaction.ts';

function item(storeKey: string): Stored<string> {
  return { storeKey, record: () => storeKey };
}

test('each item is stored once however often it was touched', () => {
  const change = new Transaction<string>();
  const work = item('domain/work');
  change.touch(work);
  change.touch(item('domain/vault'));
  change.touch(work);
  expect([...change.touched].map(({ storeKey }) => storeKey)).toEqual(['domain/work', 'domain/vault']);
});

test('undoing goes backwards, once', () => {
  const change = new Transaction<string>();
  const undone: string[] = [];
  change.onUndo(() => undone.push('first'));
  change.onUndo(() => undone.push('second'));
  change.undo();
  change.undo();
  expect(undone).toEqual(['second', 'first']);
});

test('announcing goes forwards, once', () => {
  const change = new Transaction<string>();
  const told: string[] = [];
  change.onCommitted(() => told.push('first'));
  change.onCommitted(() => told.push('second'));
  change.announce();
  change.announce();
  expect(told).toEqual(['first', 'second']);
});

test('nothing is told of what was undone unless the owner asks for it', () => {
  const change = new Transaction<string>();
  const told: string[] = [];
  change.onCommitted(() => told.push('told'));
  change.undo();
  expect(told).toEqual([]);
});
