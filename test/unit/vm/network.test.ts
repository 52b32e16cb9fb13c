import { beforeEach, expect, test } from 'vitest';
import { QubesValueError, QubesVMInUseError, QubesVMNotFoundError } from '../../../src/base/errors.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { Model } from '../../support/model.ts';

let model: Model;
let net: QubesVM;
let firewall: QubesVM;
let work: QubesVM;

/** A chain as on a fresh system: work → firewall → net. */
beforeEach(async () => {
  model = await Model.make();
  net = await model.add<QubesVM>('NetVM', 'net');
  firewall = await model.add<QubesVM>('ProxyVM', 'firewall', { netvm: 'net' });
  work = await model.add<QubesVM>('StandaloneVM', 'work', { netvm: 'firewall' });
});

const setSystem = (property: string, text: string) =>
  model.system.change((change) => model.system.setText(change, model.system.property(property), text));
const reset = (vm: QubesVM, property: string) =>
  model.system.change((change) => vm.reset(change, vm.property(property)));

test('a NetVM gives network and has none above; a ProxyVM does both', () => {
  expect([net.provides_network, net.netvm]).toEqual([true, null]);
  expect([firewall.provides_network, firewall.netvm]).toEqual([true, net]);
});

test('a NetVM takes no netvm', async () => {
  await model.add('ProxyVM', 'other', { netvm: '' });
  await expect(model.set(net, 'netvm', 'other')).rejects.toThrow('net is a NetVM, which has none above it');
  await model.set(net, 'netvm', '');
});

test('a disposable that provides network makes no loop with its own template', async () => {
  await model.add('TemplateVM', 'base');
  const dvm = await model.add<QubesVM>('AppVM', 'dvm', { template: 'base', template_for_dispvms: 'True' });
  await model.add('DispVM', 'disp5', { template: 'dvm', dispid: '5', provides_network: 'True' });
  await model.set(firewall, 'netvm', 'disp5');
  await expect(model.set(dvm, 'netvm', 'firewall')).rejects.toThrow('Loops in network are unsupported');
});

test('only a domain that provides network can be a netvm', async () => {
  await model.add('StandaloneVM', 'other');
  await expect(model.set(work, 'netvm', 'other')).rejects.toThrow(
    'The other domain does not provide network; make it do so with: qvm-prefs other provides_network True',
  );
  await expect(model.set(work, 'netvm', 'nobody')).rejects.toThrow(QubesVMNotFoundError);
  await model.set(model.system.domain('other'), 'provides_network', 'True');
  await model.set(work, 'netvm', 'other');
  expect(work.netvm?.name).toBe('other');
});

test('there is no loop in the chain, of any length', async () => {
  await model.set(work, 'provides_network', 'True');
  for (const [vm, netvm] of [
    [firewall, 'firewall'],
    [firewall, 'work'],
    [net, 'work'],
    [net, 'firewall'],
  ] as const) {
    await expect(model.set(vm, 'netvm', netvm)).rejects.toThrow(QubesValueError);
    await expect(model.set(vm, 'netvm', netvm)).rejects.toThrow('Loops in network are unsupported');
  }
  expect([net.netvm, firewall.netvm, work.netvm]).toEqual([null, net, firewall]);
});

test('a default never makes a loop either', async () => {
  await setSystem('default_netvm', 'firewall');
  await reset(firewall, 'netvm');
  expect(firewall.netvm).toBeNull();
  await reset(work, 'netvm');
  expect(work.netvm).toBe(firewall);
});

test('the default netvm must provide network, and is what domains without one of their own have', async () => {
  await reset(work, 'netvm');
  expect(work.netvm).toBeNull();
  await expect(setSystem('default_netvm', 'work')).rejects.toThrow('it does not provide network');
  await setSystem('default_netvm', 'net');
  expect(work.netvm).toBe(net);
  expect(model.system.usersOfNetwork(net).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['firewall', 'work']),
  );
});

test('a template has no network by default', async () => {
  await setSystem('default_netvm', 'net');
  const base = await model.add<QubesVM>('TemplateVM', 'base');
  expect(base.netvm).toBeNull();
  await model.set(base, 'netvm', 'net');
  expect(base.netvm).toBe(net);
});

test('none is a netvm too', async () => {
  await setSystem('default_netvm', 'net');
  await model.set(work, 'netvm', '');
  expect(work.netvm).toBeNull();
  expect((await model.restarted()).system.domain('work').netvm).toBeNull();
});

test('a domain others use as their netvm must go on providing network', async () => {
  await expect(model.set(firewall, 'provides_network', 'False')).rejects.toThrow(
    'The firewall domain is still the netvm of work; change theirs first',
  );
  await model.set(work, 'netvm', 'net');
  await model.set(firewall, 'provides_network', 'False');
  expect(firewall.provides_network).toBe(false);
});

test('a netvm cannot be removed while it is used', async () => {
  await expect(firewall.remove()).rejects.toThrow(QubesVMInUseError);
  await expect(firewall.remove()).rejects.toThrow('Domain firewall is in use: netvm of domain work');
  await setSystem('default_netvm', 'net');
  await model.set(firewall, 'netvm', '');
  await expect(net.remove()).rejects.toThrow('default_netvm of the system');
  await work.remove();
  await firewall.remove();
  await setSystem('default_netvm', '');
  await net.remove();
  expect([...model.system.domains].map(({ name }) => name)).toEqual(['dom0']);
});

test('addresses follow from numbers, and are there only where there is network', async () => {
  expect([net.qid, firewall.qid, work.qid]).toEqual([1, 2, 3]);
  expect([work.ip, work.visible_ip, work.visible_gateway, work.visible_netmask, work.dns]).toEqual([
    '10.137.0.3',
    '10.137.0.3',
    '10.137.0.2',
    '255.255.255.255',
    '10.139.1.1 10.139.1.2',
  ]);
  expect([net.ip, net.gateway, net.visible_gateway, net.visible_netmask]).toEqual([
    '10.137.0.1',
    '10.137.0.1',
    null,
    null,
  ]);
  await model.set(work, 'netvm', '');
  expect([work.ip, work.visible_ip, work.visible_gateway, work.dns, work.gateway]).toEqual([
    null,
    null,
    null,
    null,
    null,
  ]);
});

test('IPv6 is there where the chain has it', async () => {
  expect([work.ip6, work.visible_gateway6]).toEqual([null, null]);
  await model.system.change((change) => net.features.set(change, 'ipv6', '1'));
  expect([work.ip6, work.visible_ip6, work.visible_gateway6, firewall.gateway6]).toEqual([
    'fd09:24ef:4179::a89:3',
    'fd09:24ef:4179::a89:3',
    'fd09:24ef:4179::a89:2',
    'fd09:24ef:4179::a89:2',
  ]);
  await model.system.change((change) => firewall.features.set(change, 'ipv6', ''));
  expect(work.ip6).toBeNull();
});

test('a domain can be made to believe in other addresses', async () => {
  await model.system.change((change) => {
    work.features.set(change, 'net.fake-ip', '192.168.1.2');
    work.features.set(change, 'net.fake-gateway', '192.168.1.1');
    work.features.set(change, 'net.fake-netmask', '255.255.255.0');
  });
  expect([work.ip, work.visible_ip, work.visible_gateway, work.visible_netmask]).toEqual([
    '10.137.0.3',
    '192.168.1.2',
    '192.168.1.1',
    '255.255.255.0',
  ]);
});

test.each(['10.137.0', '10.137.0.256', '10.137.0.01', '1.2.3.4.5', 'localhost', ''])(
  '%j is no IPv4 address',
  (ip) => expect(model.set(work, 'ip', ip)).rejects.toThrow('it must be an IPv4 address'),
);
test.each(['', ':', 'fd00', '::g', '1.2.3.4', 'fd00::1%eth0', '[::1]'])('%j is no IPv6 address', (ip) =>
  expect(model.set(work, 'ip6', ip)).rejects.toThrow('it must be an IPv6 address'),
);
test.each(['', '00:16:3e:5e:6c', '00-16-3e-5e-6c-00', '00:16:3e:5e:6c:0g'])(
  '%j is no hardware address',
  (mac) => expect(model.set(work, 'mac', mac)).rejects.toThrow(QubesValueError),
);
