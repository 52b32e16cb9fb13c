import { beforeEach, expect, test } from 'vitest';
import {
  QubesException,
  QubesInvalidLabelError,
  QubesInvalidLabelValueError,
  QubesLabelInUseError,
  QubesLabelNotFoundError,
  QubesValueError,
} from '../../../src/base/errors.ts';
import { checkedLabelColor, checkedLabelName } from '../../../src/vm/label.ts';
import type { StandaloneVM } from '../../../src/vm/standalone-vm.ts';
import { Model } from '../../support/model.ts';

let model: Model;

beforeEach(async () => {
  model = await Model.make();
});

const create = (name: string, color = '0xAB00ff') =>
  model.system.change((change) => model.system.labels.create(change, name, color));
const remove = (name: string) => model.system.change((change) => model.system.labels.remove(change, name));

test('there are the eight labels of Qubes', () => {
  expect([...model.system.labels].map(({ index, name, color }) => `${index} ${name} ${color}`)).toEqual([
    '1 red 0xcc0000',
    '2 orange 0xf57900',
    '3 yellow 0xedd400',
    '4 green 0x73d216',
    '5 gray 0x555753',
    '6 blue 0x3465a4',
    '7 purple 0x75507b',
    '8 black 0x000000',
  ]);
});

test('a label is found by name and by number', () => {
  for (const name of ['green', '4', 'label-4']) expect(model.system.label(name).name).toBe('green');
  for (const name of ['', 'Green', '0', 'label-99', '-1'])
    expect(() => model.system.label(name)).toThrow(QubesLabelNotFoundError);
});

test('the user may make more; they are stored, and numbered after the others', async () => {
  const pink = await create('pink');
  expect([pink.index, pink.color]).toEqual([9, '0xab00ff']);
  expect(model.disk.records.get('label/pink')).toContain('<label id="label-9" color="0xab00ff">pink</label>');
  await create('teal');
  expect((await model.restarted()).system.label('teal').index).toBe(10);
});

test('a name or colour that is none, or a taken name, is refused', async () => {
  await expect(create('a b')).rejects.toThrow(QubesInvalidLabelError);
  await expect(create('pink', 'red')).rejects.toThrow(QubesInvalidLabelValueError);
  await expect(create('red')).rejects.toThrow(QubesValueError);
  expect([...model.system.labels]).toHaveLength(8);
});

test.each(['a', 'A_b.c-9', 'x'.repeat(64)])('%s is a label name', (name) =>
  expect(checkedLabelName(name)).toBe(name),
);
test.each(['', 'a b', 'é', 'a\n', 'a/b', 'x'.repeat(65)])('%j is no label name', (name) =>
  expect(() => checkedLabelName(name)).toThrow(QubesInvalidLabelError),
);
test.each(['', '0x', '0x12345', '0x1234567', '123456', '#123456', '0x12345g', '0x123456\n'])(
  '%j is no colour',
  (color) => expect(() => checkedLabelColor(color)).toThrow(QubesInvalidLabelValueError),
);

test('a label that a domain carries cannot be removed until it carries another, or is gone', async () => {
  await create('pink');
  const work = await model.add<StandaloneVM>('StandaloneVM', 'work', { label: 'pink' });
  await expect(remove('pink')).rejects.toThrow(QubesLabelInUseError);
  await expect(remove('pink')).rejects.toThrow("Label 'pink' is used by domain work");
  await work.remove();
  await remove('pink');
  expect(model.disk.records.has('label/pink')).toBe(false);
  expect(() => model.system.label('pink')).toThrow(QubesLabelNotFoundError);
});

test('the built-in labels stay', async () => {
  await expect(remove('orange')).rejects.toThrow(QubesException);
  expect(model.system.label('orange').index).toBe(2);
});
