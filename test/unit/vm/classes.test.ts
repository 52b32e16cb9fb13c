import { beforeEach, describe, expect, test } from 'vitest';
import { QubesException, QubesPropertyValueError, QubesValueError } from '../../../src/base/errors.ts';
import { ipv4Of } from '../../../src/net/address-plan.ts';
import type { Property } from '../../../src/property/descriptor.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import { BaseVMMeta } from '../../../src/vm/base-vm-meta.ts';
import { writeXml } from '../../../src/xml/writer.ts';
import { host, Model } from '../../support/model.ts';

/** Every property that can be set: what a client sends, and what it gets back when that differs. */
const SETTABLE: Readonly<Record<string, readonly [sent: string, back?: string]>> = {
  appvm_default_bootmode: ['safe'],
  audiovm: ['dom0'],
  auto_cleanup: ['yes', 'True'],
  autostart: ['1', 'True'],
  backup_timestamp: ['1700000000'],
  bootmode: ['rescue'],
  debug: ['on', 'True'],
  default_dispvm: ['dvm'],
  default_user: ['ann'],
  devices_denied: ['u080650b******u080650', 'b******u080650'],
  guivm: ['dom0'],
  include_in_backups: ['no', 'False'],
  installed_by_rpm: ['true', 'True'],
  ip: ['10.1.2.3'],
  ip6: ['FD00::5', 'fd00::5'],
  kernel: ['6.12.1-1.fc40'],
  kernelopts: ['quiet apparmor=0'],
  keyboard_layout: ['de+nodeadkeys+caps:none'],
  label: ['green'],
  mac: ['00:16:3E:00:00:0A', '00:16:3e:00:00:0a'],
  management_dispvm: ['dvm'],
  maxmem: ['2000'],
  memory: ['+800', '800'],
  netvm: ['gateway'],
  provides_network: ['True'],
  qrexec_timeout: ['90'],
  relayvm: ['gateway'],
  remote_name: ['their-work'],
  shutdown_timeout: ['30'],
  stubdom_mem: ['144'],
  template: ['base'],
  template_for_dispvms: ['True'],
  transport_rpc: ['qubesair.SSHProxy'],
  vcpus: ['3'],
  virt_mode: ['HVM', 'hvm'],
};

/** Every property that is computed: its value for a halted domain of class `vm.klass` whose netvm is `gateway`. */
const COMPUTED: Readonly<Record<string, (vm: BaseVM) => string>> = {
  dns: () => '10.139.1.1 10.139.1.2',
  gateway: (vm) => (vm.providesNetwork ? ipv4Of(vm) : ''),
  gateway6: () => '',
  icon: (vm) => ICONS[vm.klass] ?? 'no such class',
  is_preload: () => 'False',
  klass: (vm) => vm.klass,
  label: () => 'black',
  maxmem: () => String(host.memory),
  start_time: () => '',
  stubdom_uuid: () => '',
  stubdom_xid: () => '-1',
  updateable: (vm) => (vm.template ? 'False' : 'True'),
  visible_gateway: (vm) => (vm.netvm ? '10.137.0.3' : ''),
  visible_gateway6: () => '',
  visible_ip: (vm) => ipv4Of(vm),
  visible_ip6: () => '',
  visible_netmask: (vm) => (vm.netvm ? '255.255.255.255' : ''),
  xid: () => '-1',
};

const ICONS: Readonly<Record<string, string>> = {
  AdminVM: 'adminvm-black',
  AppVM: 'appvm-red',
  DispVM: 'dispvm-red',
  HVM: 'standalonevm-red',
  NetVM: 'appvm-red',
  ProxyVM: 'appvm-red',
  RemoteVM: 'remotevm-red',
  StandaloneVM: 'standalonevm-red',
  TemplateVM: 'templatevm-red',
};

/** What Qubes 4.4 has; ours may have more. */
const EVERY_DOMAIN = ['icon', 'klass', 'label', 'name', 'qid', 'uuid'];
const QUBES_VM =
  `audiovm autostart backup_timestamp bootmode debug default_dispvm default_user devices_denied dns gateway
  gateway6 guivm include_in_backups installed_by_rpm ip ip6 kernel kernelopts keyboard_layout mac management_dispvm
  maxmem memory netvm provides_network qrexec_timeout shutdown_timeout start_time stubdom_mem stubdom_uuid stubdom_xid
  updateable vcpus virt_mode visible_gateway visible_gateway6 visible_ip visible_ip6 visible_netmask xid`.split(
    /\s+/,
  );
const QUBES_CLASSES: Readonly<Record<string, readonly string[]>> = {
  AdminVM: [
    'default_dispvm',
    'devices_denied',
    'include_in_backups',
    'keyboard_layout',
    'maxmem',
    'updateable',
  ],
  AppVM: [...QUBES_VM, 'template', 'template_for_dispvms'],
  DispVM: [...QUBES_VM, 'auto_cleanup', 'dispid', 'is_preload', 'template'],
  RemoteVM: ['relayvm', 'remote_name', 'transport_rpc'],
  StandaloneVM: QUBES_VM,
  TemplateVM: [...QUBES_VM, 'appvm_default_bootmode'],
};

let model: Model;
const classes = BaseVMMeta.names();

beforeEach(async () => {
  model = await Model.make();
  await model.add('TemplateVM', 'base');
  await model.add('AppVM', 'dvm', { template: 'base', template_for_dispvms: 'True' });
  await model.add('StandaloneVM', 'gateway', { provides_network: 'True' });
});

/** A domain of the class with what it must have; `gateway` is its netvm where it has one. */
async function make(klass: string): Promise<BaseVM> {
  if (klass === 'AdminVM') return model.system.adminVM;
  const { properties } = BaseVMMeta.get(klass) as unknown as typeof BaseVM;
  const values: Record<string, string> = {};
  if (properties.has('template')) values['template'] = klass === 'DispVM' ? 'dvm' : 'base';
  if (properties.has('dispid')) values['dispid'] = '77';
  if (properties.has('netvm') && klass !== 'NetVM') values['netvm'] = 'gateway';
  return model.add(klass, 'tested', values);
}

/** What a class takes for a property, and how it is read back where that differs. */
function settableValue(klass: string, name: string): readonly [sent: string, back?: string] {
  if (klass === 'DispVM' && name === 'template') return ['dvm'];
  if (klass === 'NetVM' && name === 'netvm') return [''];
  return SETTABLE[name] ?? expect.fail(`no test gives ${name} a value`);
}

/** The same domain in a system that was started anew. */
async function reloaded(vm: BaseVM): Promise<BaseVM> {
  const later = await model.restarted();
  return later.system.domain(vm.name);
}

test('the classes are those of the plan', () => expect(classes).toEqual(Object.keys(ICONS)));

test('an unknown class is refused with those there are', () => {
  expect(() => BaseVMMeta.get('LinuxVM')).toThrow(QubesValueError);
  expect(() => BaseVMMeta.get('LinuxVM')).toThrow(
    "No such domain class: 'LinuxVM'; there are AdminVM, AppVM, DispVM, HVM, NetVM, ProxyVM, RemoteVM, StandaloneVM, TemplateVM",
  );
});

test('a class cannot be registered twice', () => {
  expect(() => BaseVMMeta.register('AppVM', BaseVMMeta.get('AppVM'))).toThrow(RangeError);
});

test('no sample below is for a property that does not exist', () => {
  const names = new Set(classes.flatMap((klass) => [...propertiesOf(klass).keys()]));
  expect([...Object.keys(SETTABLE), ...Object.keys(COMPUTED)].filter((name) => !names.has(name))).toEqual([]);
});

function propertiesOf(klass: string): ReadonlyMap<string, Property<never, unknown>> {
  return (BaseVMMeta.get(klass) as unknown as typeof BaseVM).properties;
}

describe.each(classes)('%s', (klass) => {
  const properties = [...propertiesOf(klass).values()];
  const settable = properties.filter((property) => property.settable === 'always').map(({ name }) => name);
  const computed = properties.filter((property) => property.settable === 'never').map(({ name }) => name);
  const once = properties.filter((property) => property.settable === 'once').map(({ name }) => name);

  test('has every property it has on Qubes', () => {
    const wanted = [...EVERY_DOMAIN, ...(QUBES_CLASSES[klass] ?? QUBES_VM)];
    expect(wanted.filter((name) => !propertiesOf(klass).has(name))).toEqual([]);
  });

  test('documents every property in a sentence', () => {
    for (const { doc } of properties) expect(doc).toMatch(/^[A-Z`].{10,}[.:`]$/s);
  });

  test.each(settable)('%s can be set, is stored, and survives a restart', async (name) => {
    const vm = await make(klass);
    const [value, expected = value] = settableValue(klass, name);
    await model.set(vm, name, value);
    expect(model.get(vm, name)).toBe(expected);
    expect(vm.isDefault(vm.property(name))).toBe(false);
    expect(model.disk.records.get(`domain/${vm.uuid}` as never)).toContain(
      expected === '' ? `<property name="${name}"/>` : `<property name="${name}">${expected}</property>`,
    );
    const later = await reloaded(vm);
    expect(later.broken).toBeUndefined();
    expect(later.property(name).format(later.value(later.property(name)) as never)).toBe(expected);
    expect(writeXml(later.xml)).toBe(writeXml(vm.xml));
  });

  test.each(settable)('%s goes back to its default, or says that it has none', async (name) => {
    const vm = await make(klass);
    const property = vm.property(name);
    const before = vm.defaultOf(property);
    if (vm.isDefault(property)) {
      await model.set(vm, name, settableValue(klass, name)[0]);
    }
    const reset = model.system.change((change) => vm.reset(change, property));
    if (!property.default) return expect(reset).rejects.toThrow('has no default to go back to');
    await reset;
    expect(vm.isDefault(property)).toBe(true);
    expect(vm.value(property)).toEqual(before);
  });

  test.each(computed)('%s is computed', async (name) => {
    const vm = await make(klass);
    const expected = COMPUTED[name] ?? expect.fail(`no test checks ${name}`);
    expect(model.get(vm, name)).toBe(expected(vm));
    await expect(model.set(vm, name, '1')).rejects.toThrow(QubesPropertyValueError);
  });

  test.each(once)('%s stays what it is', async (name) => {
    const vm = await make(klass);
    const value = model.get(vm, name);
    expect(value).not.toBe('');
    await expect(model.set(vm, name, value)).rejects.toThrow('cannot be changed once it has a value');
    const later = await reloaded(vm);
    expect(later.property(name).format(later.value(later.property(name)) as never)).toBe(value);
  });

  test('what code reads is what clients are told', async () => {
    const vm = await make(klass);
    for (const property of properties) {
      if (!(property.name in vm)) continue;
      const read = (vm as unknown as Record<string, unknown>)[property.name];
      expect([property.name, read ?? null]).toEqual([property.name, vm.value(property) ?? null]);
    }
  });

  test('refuses nonsense for every property without changing anything', async () => {
    const vm = await make(klass);
    const before = writeXml(vm.xml);
    for (const property of properties)
      for (const nonsense of ['\0', 'a\nb', 'é', '\x1b[2J', 'x'.repeat(70_000)]) {
        if (property.type === 'str' && nonsense.startsWith('x') && UNLIMITED.has(property.name)) continue;
        await expect(
          model.set(vm, property.name, nonsense),
          `${property.name} ${nonsense.slice(0, 5)}`,
        ).rejects.toThrow(QubesException);
      }
    expect(writeXml(vm.xml)).toBe(before);
  });
});

/** Text whose length only the size of a request limits. */
const UNLIMITED = new Set([
  'appvm_default_bootmode',
  'bootmode',
  'kernel',
  'keyboard_layout',
  'remote_name',
  'transport_rpc',
]);
