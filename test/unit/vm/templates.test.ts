import { beforeEach, describe, expect, test } from 'vitest';
import {
  QubesNoTemplateError,
  QubesPropertyValueError,
  QubesVMError,
  QubesVMInUseError,
} from '../../../src/base/errors.ts';
import { DeviceAssignment } from '../../../src/devices/assignment.ts';
import { Device, Port } from '../../../src/devices/device.ts';
import type { DispVM } from '../../../src/vm/disp-vm.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { host, Model } from '../../support/model.ts';

let model: Model;
let base: QubesVM;
let work: QubesVM;
let dvm: QubesVM;
let disposable: DispVM;

beforeEach(async () => {
  model = await Model.make();
  base = await model.add<QubesVM>('TemplateVM', 'base');
  work = await model.add<QubesVM>('AppVM', 'work', { template: 'base' });
  dvm = await model.add<QubesVM>('AppVM', 'dvm', { template: 'base', template_for_dispvms: 'True' });
  disposable = await model.add<DispVM>('DispVM', 'disp7', { template: 'dvm', dispid: '7' });
});

const assignPci = (vm: QubesVM) =>
  model.system.change((change) => {
    const device = new Device(new Port(model.system.adminVM, '00_14.0', 'pci'));
    vm.devices.get('pci').assign(change, new DeviceAssignment(device, vm, 'required'));
  });
const setFeature = (vm: QubesVM, name: string, value: string) =>
  model.system.change((change) => vm.features.set(change, name, value));

describe('whose system a domain runs on', () => {
  test('the template of an AppVM is a TemplateVM', async () => {
    for (const name of ['work', 'dvm', 'disp7', 'dom0', ''])
      await expect(model.set(work, 'template', name), name).rejects.toThrow(QubesPropertyValueError);
    expect(work.template).toBe(base);
  });

  test('the template of a disposable is a domain that disposables may be made from', async () => {
    for (const name of ['base', 'work', 'disp7'])
      await expect(model.set(disposable, 'template', name), name).rejects.toThrow(QubesPropertyValueError);
    expect([disposable.template, disposable.template?.template]).toEqual([dvm, base]);
  });

  test('a NetVM, ProxyVM or HVM may have one or not', async () => {
    for (const klass of ['NetVM', 'ProxyVM']) {
      const vm = await model.add<QubesVM>(klass, `a-${klass}`);
      expect([vm.template, vm.updateable, vm.volumePlans.map(({ kind }) => kind)]).toEqual([
        null,
        true,
        ['own', 'own', 'scratch'],
      ]);
      await model.set(vm, 'template', 'base');
      expect([vm.template, vm.updateable, vm.volumePlans.map(({ kind }) => kind)]).toEqual([
        base,
        false,
        ['snapshot', 'own', 'scratch'],
      ]);
    }
  });

  test('an AppVM without a template says so when it is started', async () => {
    const lost = await model.add<QubesVM>('AppVM', 'lost');
    await expect(lost.start()).rejects.toThrow(QubesNoTemplateError);
    await expect(lost.start()).rejects.toThrow('qvm-prefs lost template NAME');
  });

  test('a template cannot be removed while domains are based on it', async () => {
    await expect(base.remove()).rejects.toThrow(QubesVMInUseError);
    await expect(base.remove()).rejects.toThrow(
      'Domain base is in use: template of domain work; template of domain dvm. Change those first',
    );
    await expect(dvm.remove()).rejects.toThrow('template of domain disp7');
  });

  test('disposables keep their template from giving up making them', async () => {
    await expect(model.set(dvm, 'template_for_dispvms', 'False')).rejects.toThrow(
      'Disposables made from dvm still exist (domain disp7); remove them first',
    );
    await disposable.remove();
    await model.set(dvm, 'template_for_dispvms', 'False');
    expect(dvm.makesDisposables).toBe(false);
  });
});

describe('what a domain takes from its template when it is not given', () => {
  test.each([
    ['default_user', 'ann'],
    ['qrexec_timeout', '90'],
    ['shutdown_timeout', '30'],
    ['memory', '700'],
    ['maxmem', '1700'],
    ['vcpus', '7'],
    ['kernel', '6.12'],
    ['virt_mode', 'hvm'],
    ['management_dispvm', 'dvm'],
  ])('%s', async (property, value) => {
    await model.set(base, property, value);
    for (const vm of [work, disposable]) {
      expect(model.get(vm, property)).toBe(value);
      expect(vm.isDefault(vm.property(property))).toBe(true);
    }
  });

  test('kernelopts, where a kernel is booted and no PCI device is assigned', async () => {
    await model.set(base, 'kernelopts', 'quiet');
    expect(work.kernelopts).toBe('');
    await model.set(base, 'kernel', '6.12');
    expect(work.kernelopts).toBe('quiet');
    await assignPci(work);
    expect(work.kernelopts).toBe('swiotlb=2048');
  });

  test("the system's defaults, where neither says", async () => {
    await model.system.change((change) =>
      model.system.setText(change, model.system.property('default_qrexec_timeout'), '33'),
    );
    expect([work.qrexec_timeout, work.shutdown_timeout, work.default_user, work.memory, work.vcpus]).toEqual([
      33,
      60,
      'user',
      400,
      2,
    ]);
  });
});

describe('isolation', () => {
  test('a domain is a container unless it, its template, or its class says otherwise', async () => {
    const hvm = await model.add<QubesVM>('HVM', 'full');
    expect([work.virt_mode, hvm.virt_mode]).toEqual(['container', 'hvm']);
  });

  test('a domain with a PCI device is a full machine, and stays one', async () => {
    await assignPci(work);
    expect([work.virt_mode, work.maxmem]).toEqual(['hvm', 0]);
    for (const mode of ['pvh', 'container'])
      await expect(model.set(work, 'virt_mode', mode)).rejects.toThrow(
        'PCI devices are assigned to the domain',
      );
    await model.set(work, 'virt_mode', 'pv');
  });

  test.each(['', 'xen', 'containers', 'None'])('%j is no way to isolate', (mode) =>
    expect(model.set(work, 'virt_mode', mode)).rejects.toThrow('it must be one of container, pvh, hvm, pv'),
  );

  test('a domain whose engine is missing does not start on another', async () => {
    await expect(work.start()).rejects.toThrow(QubesVMError);
    await expect(work.start()).rejects.toThrow(
      "No engine on this machine runs domains with virt_mode 'container'",
    );
    expect(work.powerState).toBe('Halted');
  });
});

test('a domain may grow to half of the host at most, unless it is told otherwise', async () => {
  const alone = await model.add<QubesVM>('StandaloneVM', 'alone');
  expect(alone.maxmem).toBe(4000);
  await setFeature(alone, 'os', 'Linux');
  expect(alone.maxmem).toBe(4000);
  await model.set(alone, 'memory', '600');
  expect(alone.maxmem).toBe(6000);
  await model.set(alone, 'memory', '1600');
  expect(alone.maxmem).toBe(host.memory / 2);
});

test('boot modes are those the system offers', async () => {
  expect([work.bootmode, base.appvm_default_bootmode]).toEqual(['default', 'default']);
  await setFeature(base, 'boot-mode.kernelopts.safe', 'single');
  await setFeature(base, 'boot-mode.appvm-default', 'safe');
  expect([work.bootmode, base.bootmode]).toEqual(['safe', 'default']);
  await setFeature(work, 'boot-mode.active', 'unknown');
  expect(work.bootmode).toBe('safe');
  await setFeature(work, 'boot-mode.kernelopts.own', '');
  await setFeature(work, 'boot-mode.active', 'own');
  expect(work.bootmode).toBe('own');
});

test('a disposable template is what makes disposables, wherever one is named', async () => {
  const setSystem = (property: string, text: string) =>
    model.system.change((change) => model.system.setText(change, model.system.property(property), text));
  for (const property of ['default_dispvm', 'management_dispvm']) {
    await expect(setSystem(property, 'work')).rejects.toThrow('qvm-prefs work template_for_dispvms True');
    await expect(model.set(work, property, 'base')).rejects.toThrow('its template_for_dispvms is False');
    await setSystem(property, 'dvm');
    expect(model.get(work, property)).toBe('dvm');
    await model.set(work, property, '');
    expect(model.get(work, property)).toBe('');
  }
  expect(disposable.default_dispvm).toBe(dvm);
});

test('a disposable that cleans up after itself is not backed up', async () => {
  expect(disposable.include_in_backups).toBe(true);
  await model.set(disposable, 'auto_cleanup', 'True');
  expect(disposable.include_in_backups).toBe(false);
});

test('a disposable started ahead of need is one that its template lists', async () => {
  await setFeature(dvm, 'preload-dispvm', 'disp3 disp7');
  expect(disposable.is_preload).toBe(true);
  await setFeature(dvm, 'preload-dispvm', 'disp3 disp77');
  expect(disposable.is_preload).toBe(false);
});

test('icons tell kinds of domains apart', async () => {
  expect([base, work, dvm, disposable].map(({ icon }) => icon)).toEqual([
    'templatevm-red',
    'appvm-red',
    'templatevm-red',
    'dispvm-red',
  ]);
  await setFeature(work, 'servicevm', '1');
  await model.set(work, 'label', 'blue');
  expect(work.icon).toBe('servicevm-blue');
});
