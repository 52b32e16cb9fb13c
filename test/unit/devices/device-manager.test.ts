import { beforeEach, expect, test } from 'vitest';
import { QubesValueError } from '../../../src/base/errors.ts';
import { Transaction } from '../../../src/base/transaction.ts';
import { DeviceAssignment } from '../../../src/devices/assignment.ts';
import { Device, Port } from '../../../src/devices/device.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import { element, type XmlNode } from '../../../src/xml/node.ts';
import { Model } from '../../support/model.ts';

let model: Model;
let work: BaseVM;
let sysUsb: BaseVM;

beforeEach(async () => {
  model = await Model.make();
  sysUsb = await model.add('StandaloneVM', 'sys-usb');
  work = await model.add('StandaloneVM', 'work');
});

function assign(port: string, deviceClass: string): Promise<void> {
  const device = new Device(new Port(sysUsb, port, deviceClass));
  return model.system.change((change) =>
    work.devices.get(deviceClass).assign(change, new DeviceAssignment(device, work, 'required')),
  );
}

test('a collection is made when first used, and stays the same', () => {
  expect(work.devices.collections()).toEqual([]);
  expect(work.devices.get('usb')).toBe(work.devices.get('usb'));
  expect(work.devices.get('usb').deviceClass).toBe('usb');
  expect(work.devices.collections()).toEqual([work.devices.get('usb')]);
  expect(() => work.devices.get('no class')).toThrow(QubesValueError);
});

test('asking whether a device is assigned makes no collection', async () => {
  expect(work.devices.hasAssigned('usb')).toBe(false);
  expect(work.devices.collections()).toEqual([]);
  await assign('2-1', 'usb');
  expect(work.devices.hasAssigned('usb')).toBe(true);
  expect(work.devices.hasAssigned('pci')).toBe(false);
});

test('records are in a fixed order, without classes that have nothing assigned', async () => {
  work.devices.get('mic');
  await assign('2-2', 'usb');
  await assign('2-1', 'usb');
  await assign('sda', 'block');
  const records = work.devices.record();
  const ids = (node: XmlNode) => node.elements('device').map((device) => device.attribute('id'));
  expect(records.map((node) => [node.attribute('class'), ids(node)])).toEqual([
    ['block', ['sda']],
    ['usb', ['2-1', '2-2']],
  ]);
});

test('what was stored is read back, also for a class nobody has registered', async () => {
  await assign('2-1', 'usb');
  await assign('9', 'fax');
  const twin = await model.add('StandaloneVM', 'twin');
  twin.devices.restore(work.devices.record());
  expect(twin.devices.record()).toEqual(work.devices.record());
  expect(twin.devices.get('fax').assigned()[0]?.frontend).toBe(twin);
});

test.each([
  ['no class', element('devices')],
  ['a bad class', element('devices', { class: 'a b' })],
  [
    'a manual assignment',
    element(
      'devices',
      { class: 'usb' },
      element('device', { 'backend-domain': 'sys-usb', id: '1', mode: 'manual' }),
    ),
  ],
  [
    'the same device twice',
    element(
      'devices',
      { class: 'usb' },
      element('device', { 'backend-domain': 'sys-usb', id: '1' }),
      element('device', { 'backend-domain': 'sys-usb', id: '1', mode: 'auto-attach' }),
    ),
  ],
])('a record with %s is refused', (_what, record) =>
  expect(() => work.devices.restore([record])).toThrow(QubesValueError),
);

test('a domain that leaves lets go of all backends, and takes them up again when that is undone', async () => {
  await assign('2-1', 'usb');
  await assign('sda', 'block');
  const change = new Transaction<XmlNode>();
  work.devices.release(change);
  expect([...sysUsb.referrers.entries()]).toEqual([]);
  change.undo();
  expect([...sysUsb.referrers.entries()]).toEqual([
    [work, new Set(['device usb:2-1:*', 'device block:sda:*'])],
  ]);
  expect(work.devices.hasAssigned('block')).toBe(true);
});
