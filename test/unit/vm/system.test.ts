import { beforeEach, expect, test } from 'vitest';
import { properties } from '../../../src/app/properties.ts';
import { QubesException, QubesPropertyValueError } from '../../../src/base/errors.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { host, Model } from '../../support/model.ts';

/** Every property of the system that can be set: what a client sends, and gets back when that differs. */
const SETTABLE: Readonly<Record<string, readonly [sent: string, back?: string]>> = {
  check_updates_vm: ['no', 'False'],
  clockvm: ['gateway'],
  default_audiovm: ['gateway'],
  default_dispvm: ['dvm'],
  default_guivm: ['gateway'],
  default_kernel: ['6.12.1'],
  default_netvm: ['gateway'],
  default_pool: ['varlibqubes'],
  default_pool_kernel: ['varlibqubes'],
  default_pool_private: ['varlibqubes'],
  default_pool_root: ['varlibqubes'],
  default_pool_volatile: ['varlibqubes'],
  default_qrexec_timeout: ['90'],
  default_shutdown_timeout: ['30'],
  default_template: ['base'],
  management_dispvm: ['dvm'],
  stats_interval: ['5'],
  updatevm: ['gateway'],
};
const COMPUTED: Readonly<Record<string, string>> = {
  maxmem: String(host.memory),
  no_cpus: String(host.cpus),
};

let model: Model;

beforeEach(async () => {
  model = await Model.make();
  await model.add('TemplateVM', 'base');
  await model.add('AppVM', 'dvm', { template: 'base', template_for_dispvms: 'True' });
  await model.add('StandaloneVM', 'gateway', { provides_network: 'True' });
});

const set = (name: string, text: string) =>
  model.system.change((change) => model.system.setText(change, model.system.property(name), text));

function get({ system }: Model, name: string): string {
  const property = system.property(name);
  return property.format(system.value(property) as never);
}

const settable = [...properties.values()]
  .filter((property) => property.settable === 'always')
  .map(({ name }) => name);
const computed = [...properties.values()]
  .filter((property) => property.settable !== 'always')
  .map(({ name }) => name);

test('every property that Qubes 4.4 has is set or checked here, and no other', () => {
  expect(settable.toSorted()).toEqual(Object.keys(SETTABLE));
  expect(computed.toSorted()).toEqual(Object.keys(COMPUTED));
});

test.each(settable)('%s can be set, survives a restart, and goes back to its default', async (name) => {
  const before = get(model, name);
  const [sent, back = sent] = SETTABLE[name] ?? expect.fail(`no test gives ${name} a value`);
  await set(name, sent);
  expect(get(model, name)).toBe(back);
  model = await model.restarted();
  expect(get(model, name)).toBe(back);
  await model.system.change((change) => model.system.reset(change, model.system.property(name)));
  expect(get(model, name)).toBe(before);
});

test.each(computed)('%s is computed', async (name) => {
  expect(get(model, name)).toBe(COMPUTED[name] ?? expect.fail(`no test checks ${name}`));
  await expect(set(name, '1')).rejects.toThrow(QubesPropertyValueError);
});

test.each(settable)('%s refuses nonsense', async (name) => {
  for (const nonsense of ['\0', 'é', 'a\nb'])
    await expect(set(name, nonsense)).rejects.toThrow(QubesException);
  expect(model.system.isDefault(model.system.property(name))).toBe(true);
});

test.each([
  ['default_netvm', 'base'],
  ['default_template', 'gateway'],
  ['default_dispvm', 'base'],
  ['management_dispvm', 'gateway'],
  ['default_pool', 'nowhere'],
  ['default_qrexec_timeout', '0'],
  ['clockvm', 'nobody'],
])('%s cannot be %s', (name, text) => expect(set(name, text)).rejects.toThrow(QubesException));

test('a domain the system depends on cannot be removed, whichever property names it', async () => {
  for (const name of ['clockvm', 'updatevm', 'default_audiovm', 'default_guivm', 'default_netvm']) {
    await set(name, 'gateway');
    const gateway = model.system.domain('gateway') as QubesVM;
    await expect(gateway.remove()).rejects.toThrow(`${name} of the system`);
    await model.system.change((change) => model.system.reset(change, model.system.property(name)));
  }
});

test('a stored property that no longer fits is left at its default, and the others are kept', async () => {
  await set('stats_interval', '5');
  await set('default_shutdown_timeout', '30');
  const stored = model.disk.records.get('system') as string;
  model.disk.records.set('system', stored.replace('>5<', '>often<'));
  const later = await model.restarted();
  expect([get(later, 'stats_interval'), get(later, 'default_shutdown_timeout')]).toEqual(['3', '30']);
});
