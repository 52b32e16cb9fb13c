import { beforeEach, expect, test } from 'vitest';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { Api, smallSystem } from '../../support/api.ts';
import type { Model } from '../../support/model.ts';

let model: Model;
let api: Api;
beforeEach(async () => {
  model = await smallSystem();
  api = new Api(model);
});

const call = (method: string, dest: string, arg: string, payload = '') =>
  api.call(`admin.vm.volume.${method}`, { dest, arg, payload });
const domain = (name: string) => model.system.domain(name) as QubesVM;

/** Runs the domain, writes a file into a volume of it, and stops it. */
async function writeIn(name: string, volume: string, content: string): Promise<void> {
  await domain(name).start();
  model.disks.write(domain(name).volumes.config(volume).vid, 'file', content);
  await domain(name).kill();
}

test('a volume is cloned by a token, once', async () => {
  await writeIn('work', 'private', 'secret');
  await model.create('AppVM', 'play', 'base');
  const token = await call('CloneFrom', 'work', 'private');
  expect(await call('CloneTo', 'play', 'private', token)).toBe('');
  expect(await call('Info', 'play', 'private')).toContain('\nusage=6\n');
  await expect(call('CloneTo', 'play', 'private', token)).rejects.toMatchObject({
    type: 'QubesVolumeCopyTokenNotFoundError',
  });
});

test('a running domain is not cloned into', async () => {
  await model.create('AppVM', 'play', 'base');
  await domain('play').start();
  const token = await call('CloneFrom', 'work', 'private');
  await expect(call('CloneTo', 'play', 'private', token)).rejects.toMatchObject({
    type: 'QubesVMNotHaltedError',
  });
});

test('a token for a domain that was removed is not one for its namesake', async () => {
  const token = await call('CloneFrom', 'work', 'private');
  await api.call('admin.vm.Remove', { dest: 'work' });
  await model.create('AppVM', 'work', 'base');
  await model.create('AppVM', 'play', 'base');
  await expect(call('CloneTo', 'play', 'private', token)).rejects.toMatchObject({
    type: 'QubesVolumeCopyTokenNotFoundError',
  });
});

test('tokens that nobody uses are forgotten, the oldest first', async () => {
  const oldest = await call('CloneFrom', 'work', 'private');
  let newest = '';
  for (let count = 0; count < 1001; count++) newest = await call('CloneFrom', 'work', 'private');
  await model.create('AppVM', 'play', 'base');
  await expect(call('CloneTo', 'play', 'private', oldest)).rejects.toThrow('with this token');
  expect(await call('CloneTo', 'play', 'private', newest)).toBe('');
});

test('a reverted volume is as it was', async () => {
  await writeIn('base', 'root', 'good');
  await writeIn('base', 'root', 'better');
  const [revision = ''] = (await call('ListSnapshots', 'base', 'root')).split('\n');
  await call('Revert', 'base', 'root', revision);
  await domain('base').start();
  expect(model.disks.read('vm-templates/base/root', 'file')).toBe('good');
});

test('a snapshot is outdated once its source has changed', async () => {
  await domain('work').start();
  expect(await call('Info', 'work', 'root')).toContain('is_outdated=False\n');
  await writeIn('base', 'root', 'better');
  expect(await call('Info', 'work', 'root')).toContain('is_outdated=True\n');
});

test('a size that cannot be stored is taken back', async () => {
  model.disk.capacity = 1;
  await expect(call('Resize', 'work', 'private', '3000000000')).rejects.toThrow('disk full');
  await expect(call('Set.revisions_to_keep', 'work', 'private', '7')).rejects.toThrow('disk full');
  expect(await call('Info', 'work', 'private')).toMatch(/\nsize=2147483648\n[\s\S]*\nrevisions_to_keep=0\n/);
});
