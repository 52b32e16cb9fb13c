import { beforeEach, expect, test } from 'vitest';
import { PermissionDenied, QubesVMInUseError, QubesVMNotFoundError } from '../../../src/base/errors.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { Model } from '../../support/model.ts';

let model: Model;
let gateway: QubesVM;
let work: QubesVM;

beforeEach(async () => {
  model = await Model.make();
  gateway = await model.add<QubesVM>('NetVM', 'gateway');
  work = await model.add<QubesVM>('StandaloneVM', 'work', { netvm: 'gateway', label: 'blue' });
});

test('a removed domain is gone from the system, the disk, and everything it pointed at', async () => {
  const { uuid, qid } = work;
  await work.remove();
  expect(() => model.system.domain('work')).toThrow("No such domain: 'work'");
  expect(() => model.system.domain(`uuid:${uuid}`)).toThrow('No such domain');
  expect([...model.disk.records.keys()].filter((key) => key.includes(uuid))).toEqual([]);
  expect([...gateway.referrers.entries()]).toEqual([]);
  expect([...model.system.label('blue').referrers.entries()]).toEqual([]);
  expect((await model.add('StandaloneVM', 'next')).qid).toBe(qid);
});

test('it is announced when it has happened', async () => {
  expect(await model.heard(() => work.remove())).toEqual([
    ' domain-pre-delete',
    'work domain-remove-from-disk',
    ' domain-delete',
  ]);
});

test('a handler may refuse', async () => {
  model.system.events.on('domain-pre-delete', async () => {
    throw new PermissionDenied('it stays');
  });
  await expect(work.remove()).rejects.toThrow('it stays');
  expect(model.system.domain('work')).toBe(work);
});

test('a removal that cannot be stored has not happened', async () => {
  model.disk.capacity = 1;
  await expect(work.remove()).rejects.toThrow('disk full');
  expect(model.system.domain('work')).toBe(work);
  expect(gateway.referrers.by('netvm')).toEqual([work]);
  expect(model.system.label('blue').referrers.by('label')).toEqual([work]);
  model.disk.capacity = Number.POSITIVE_INFINITY;
  await work.remove();
});

test('what comes to be used while handlers are asked is not removed', async () => {
  await model.set(work, 'netvm', '');
  model.system.events.on('domain-pre-delete', () => model.set(work, 'netvm', 'gateway'));
  await expect(gateway.remove()).rejects.toThrow(QubesVMInUseError);
  expect(model.system.domain('gateway')).toBe(gateway);
  expect((await model.restarted()).system.domain('work').broken).toBeUndefined();
});

test('a domain that uses itself can be removed', async () => {
  await model.set(work, 'guivm', 'work');
  await work.remove();
  expect(model.system.domains.find('work')).toBeUndefined();
});

test('of two removals at once one finds nothing to remove', async () => {
  const results = await Promise.allSettled([work.remove(), work.remove()]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect((await model.add('StandaloneVM', 'work')).name).toBe('work');
});

test('a removal does not take a namesake made since with it', async () => {
  await work.remove();
  const namesake = await model.add<QubesVM>('StandaloneVM', 'work');
  await expect(work.remove()).rejects.toThrow(QubesVMNotFoundError);
  expect(model.system.domain('work')).toBe(namesake);
  expect(model.system.domain(`uuid:${namesake.uuid}`)).toBe(namesake);
});

test('a domain that is removed while somebody waits to start it does not start', async () => {
  const removal = work.remove();
  await expect(work.start()).rejects.toThrow(QubesVMNotFoundError);
  await removal;
});
