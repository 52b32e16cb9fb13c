import { beforeEach, expect, test } from 'vitest';
import { StoragePoolException } from '../../../src/base/errors.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { Model } from '../../support/model.ts';

/** What a domain left whose record was lost while it ran is nobody else's. */

const PRIVATE = 'appvms/work/private';
let model: Model;
let work: QubesVM;
beforeEach(async () => {
  model = await Model.make({ engine: true });
  await model.create('TemplateVM', 'base');
  work = await model.create('AppVM', 'work', 'base');
  await work.start();
  model.disks.write(PRIVATE, 'note', 'secret');
  model.disks.write('appvms/work/root', 'etc/evil', 'planted');
});

async function afterLosing(record: string): Promise<Model> {
  model.disk.records.set(`domain/${work.uuid}`, record);
  return model.recovered();
}

test('a new domain of its name does not get its data, nor the system it ran on', async () => {
  const later = await afterLosing('<domain class="Toaster"/>');
  const broken = [...later.system.domains].find((vm) => vm.broken) as QubesVM;
  await broken.remove();
  await expect(later.create('AppVM', 'work', 'base')).rejects.toThrow(StoragePoolException);
  expect(await later.disks.volumes()).toContain(`varlibqubes:${PRIVATE}`);
  expect(later.system.operations.unfinished).toEqual([]);
});

test('what it would not have kept is dropped when its name is given to another', async () => {
  const named = (await model.create('DispVM', 'named', await dvm())) as QubesVM;
  await named.start();
  model.disks.write('appvms/named/root', 'etc/evil', 'planted');
  model.disk.records.set(`domain/${named.uuid}`, '<domain class="Toaster"/>');
  const later = await model.recovered();
  const broken = [...later.system.domains].find((vm) => vm.broken) as QubesVM;
  await broken.remove();
  const fresh = (await later.create('DispVM', 'named', 'dvm')) as QubesVM;
  await fresh.start();
  expect(later.disks.read('appvms/named/root', 'etc/evil')).toBeUndefined();
});

test('a broken domain that still has its volumes takes them with it', async () => {
  const later = await afterLosing(
    String(model.disk.records.get(`domain/${work.uuid}`)).replace('>base<', '>gone<'),
  );
  const broken = later.system.domain('work') as QubesVM;
  expect(broken.broken).toContain('gone');
  await broken.remove();
  expect(await later.disks.volumes()).not.toContain(`varlibqubes:${PRIVATE}`);
  expect(later.system.operations.unfinished).toEqual([]);
});

async function dvm(): Promise<string> {
  await model.create('AppVM', 'dvm', 'base', { template_for_dispvms: 'True' });
  return 'dvm';
}
