import { beforeEach, expect, test } from 'vitest';
import { attachExtensions } from '../../../src/ext/extensions.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { smallSystem } from '../../support/api.ts';
import { fails, onCall } from '../../support/memory-parts.ts';
import type { Model } from '../../support/model.ts';

let model: Model;
let work: QubesVM;
beforeEach(async () => {
  model = await smallSystem();
  attachExtensions(model.system);
  work = model.system.domain('work') as QubesVM;
});

const limits = () => model.machine.domains.get(work.uuid)?.limits;

test('a running domain is held to new limits at once, and to the old ones when they are taken back', async () => {
  await work.start();
  await model.set(work, 'memory', '500');
  await model.set(work, 'maxmem', '600');
  await model.set(work, 'vcpus', '3');
  expect(limits()).toEqual({ memory: 500, maxmem: 600, vcpus: 3 });
  await model.system.change((change) => work.reset(change, work.property('memory')));
  expect(limits()).toMatchObject({ memory: 400 });
});

test('what cannot be stored is not applied', async () => {
  await work.start();
  model.disk.capacity = 1;
  await expect(model.set(work, 'memory', '500')).rejects.toThrow('disk full');
  expect(limits()).toMatchObject({ memory: 400 });
});

test('a halted domain has its limits when it starts', async () => {
  await model.set(work, 'memory', '500');
  expect(limits()).toBeUndefined();
  await work.start();
  expect(limits()).toMatchObject({ memory: 500 });
});

test('an engine that does not apply them is told of; the change stays', async () => {
  await work.start();
  using _broken = onCall(model.hypervisor, 'setLimits', fails('cgroup is gone'));
  await model.set(work, 'memory', '500');
  await new Promise((resolve) => setImmediate(resolve));
  expect(work.memory).toBe(500);
  expect(model.log.trouble.join()).toContain('cgroup is gone');
});
