import { expect, test } from 'vitest';
import { MAX_NOTES } from '../../../src/vm/base-vm.ts';
import { Model } from '../../support/model.ts';

test('notes are free text, kept as it is across a restart', async () => {
  const model = await Model.make();
  const work = await model.add('StandaloneVM', 'work');
  const notes = ' Zeile 1\n\t<b>&amp; "ü" 🏠\r\n';
  expect(await model.heard(() => model.system.change((change) => work.setNotes(change, notes)))).toEqual([
    'work domain-notes-changed',
  ]);
  expect((await model.restarted()).system.domain('work').notes).toBe(notes);
});

test('there are none at first, and none stored', async () => {
  const model = await Model.make();
  const work = await model.add('StandaloneVM', 'work');
  expect(work.notes).toBe('');
  expect(work.xml.element('notes')).toBeUndefined();
});

test('notes that cannot be stored are not kept', async () => {
  const model = await Model.make();
  const work = await model.add('StandaloneVM', 'work');
  model.disk.capacity = MAX_NOTES;
  await expect(model.system.change((change) => work.setNotes(change, 'x'.repeat(MAX_NOTES)))).rejects.toThrow(
    'disk full',
  );
  expect(work.notes).toBe('');
});
