import { expect, test } from 'vitest';
import { QubesVMInUseError, QubesVMNotFoundError } from '../../../src/base/errors.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { Model } from '../../support/model.ts';

/** Verbs on one domain take turns: what waits behind a removal finds the domain gone. */

test('nothing that waited behind its removal is done with a domain', async () => {
  const model = await Model.make();
  const vm = await model.add<QubesVM>('DispVM', 'leaving');
  const busy = Promise.withResolvers<void>();
  const before = vm.whileHalted('looked at', () => busy.promise);
  const removed = vm.remove();
  const refused = [vm.start(), vm.remove(), vm.whileHalted('built', async () => {})];
  busy.resolve();
  await before;
  await removed;
  for (const refusal of refused) await expect(refusal).rejects.toThrow(QubesVMNotFoundError);
  expect(model.system.operations.unfinished).toEqual([]);
  expect([...model.system.started]).toEqual([]);
});

test('a domain that comes into use while its removal is being decided is kept', async () => {
  const model = await Model.make();
  const net = await model.add<QubesVM>('NetVM', 'net');
  const work = await model.add('AppVM', 'work');
  model.system.events.on('domain-pre-delete', async () => {
    await model.set(work, 'netvm', 'net');
  });
  await expect(net.remove()).rejects.toThrow(QubesVMInUseError);
  expect(model.system.domains.find('net')).toBe(net);
});
