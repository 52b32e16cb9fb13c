import { beforeEach, expect, test } from 'vitest';
import { QubesVMError } from '../../../src/base/errors.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { Model } from '../../support/model.ts';

/** A running domain is what it was started as, whatever becomes of what its mode was taken from. */

let model: Model;
let base: QubesVM;
let work: QubesVM;
beforeEach(async () => {
  model = await Model.make({ engine: true });
  base = await model.create('TemplateVM', 'base');
  work = await model.create('AppVM', 'work', 'base');
  await work.start();
  await model.set(base, 'virt_mode', 'hvm');
});

test("its template's new mode is not its own until it has stopped", async () => {
  expect(model.get(work, 'virt_mode')).toBe('container');
  await work.kill();
  expect(model.machine.domains.size).toBe(0);
  expect(model.get(work, 'virt_mode')).toBe('hvm');
  await expect(work.start()).rejects.toThrow(QubesVMError);
});

test('a later daemon still finds it where it runs, and can end it', async () => {
  const later = await model.recovered();
  const found = later.system.domain('work') as QubesVM;
  expect([found.powerState, later.get(found, 'virt_mode')]).toEqual(['Running', 'container']);
  await found.kill();
  expect(later.machine.domains.size).toBe(0);
  expect([found.powerState, later.get(found, 'virt_mode')]).toEqual(['Halted', 'hvm']);
  expect(later.system.operations.unfinished).toEqual([]);
});

test('a later daemon that finds it gone cleans up after it', async () => {
  model.machine.end(work.uuid);
  const later = await model.recovered();
  expect((later.system.domain('work') as QubesVM).powerState).toBe('Halted');
  expect(later.system.operations.unfinished).toEqual([]);
  expect(later.log.trouble).toEqual([]);
});
