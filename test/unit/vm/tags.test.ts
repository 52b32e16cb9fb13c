import { beforeEach, expect, test } from 'vitest';
import { QubesInvalidTagError, QubesTagNotFoundError } from '../../../src/base/errors.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import { checkedTag } from '../../../src/vm/tags.ts';
import { Model } from '../../support/model.ts';

let model: Model;
let work: BaseVM;

beforeEach(async () => {
  model = await Model.make();
  work = await model.add('StandaloneVM', 'work');
});

const add = (tag: string) => model.system.change((change) => work.tags.add(change, tag));
const remove = (tag: string) => model.system.change((change) => work.tags.delete(change, tag));

test('tags are kept, in alphabetical order, across a restart', async () => {
  await add('whonix');
  await add('created-by-dom0');
  expect(work.tags.sorted()).toEqual(['created-by-dom0', 'whonix']);
  expect(work.tags.has('whonix')).toBe(true);
  expect(work.tags.has('other')).toBe(false);
  expect((await model.restarted()).system.domain('work').tags.sorted()).toEqual([
    'created-by-dom0',
    'whonix',
  ]);
});

test('adding and removing are announced, once each', async () => {
  expect(await model.heard(() => add('a'))).toEqual(['work domain-tag-add:a']);
  expect(await model.heard(() => add('a'))).toEqual([]);
  expect(await model.heard(() => remove('a'))).toEqual(['work domain-tag-delete:a']);
});

test('a tag that is not there cannot be removed', () =>
  expect(remove('a')).rejects.toThrow(QubesTagNotFoundError));

test('what cannot be stored has not happened', async () => {
  await add('kept');
  model.disk.capacity = 1;
  await expect(add('a')).rejects.toThrow('disk full');
  await expect(remove('kept')).rejects.toThrow('disk full');
  expect(work.tags.sorted()).toEqual(['kept']);
});

test.each(['a', 'A_b-9', 'x'.repeat(255)])('%s is a tag', (tag) => expect(checkedTag(tag)).toBe(tag));
test.each(['', 'a b', 'a.b', 'é', 'a\n', 'x'.repeat(256)])('%j is no tag', (tag) => {
  expect(() => checkedTag(tag)).toThrow(QubesInvalidTagError);
  return expect(add(tag)).rejects.toThrow(QubesInvalidTagError);
});
