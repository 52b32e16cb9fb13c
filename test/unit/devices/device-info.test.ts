import { beforeEach, expect, test } from 'vitest';
import { Port } from '../../../src/devices/device.ts';
import { DeviceInfo } from '../../../src/devices/device-info.ts';
import { DeviceInterface } from '../../../src/devices/device-interface.ts';
import { unpack } from '../../../src/devices/wire.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import { Model } from '../../support/model.ts';

let sysUsb: BaseVM;
let work: BaseVM;

beforeEach(async () => {
  const model = await Model.make();
  sysUsb = await model.add('StandaloneVM', 'sys-usb');
  work = await model.add('StandaloneVM', 'work');
});

test('everything known of a device travels', () => {
  const info = new DeviceInfo(new Port(sysUsb, 'sda1', 'block'), 'stick', {
    vendor: 'Kingston',
    product: 'DataTraveler',
    manufacturer: 'K',
    name: 'stick',
    serial: '123',
    interfaces: [DeviceInterface.parse('b******'), DeviceInterface.parse('u080650')],
    parent: new Port(sysUsb, '2-1', 'usb'),
    attachment: work,
    data: { size: '1024', mode: 'w' },
  });
  const { properties, options } = unpack(info.serialise());
  expect(Object.fromEntries(properties)).toEqual({
    device_id: 'stick',
    port_id: 'sda1',
    devclass: 'block',
    backend_domain: 'sys-usb',
    vendor: 'Kingston',
    product: 'DataTraveler',
    manufacturer: 'K',
    name: 'stick',
    serial: '123',
    attachment: 'work',
    interfaces: 'b******u080650',
    parent_port_id: '2-1',
    parent_devclass: 'usb',
  });
  expect(Object.fromEntries(options)).toEqual({ size: '1024', mode: 'w' });
});

test('what is not known is called unknown, and left out on the wire', () => {
  const info = new DeviceInfo(new Port(sysUsb, '2-1', 'usb'), '0:0');
  expect([info.vendor, info.product, info.manufacturer, info.name, info.serial]).toEqual(
    Array(5).fill('unknown'),
  );
  expect(info.parent).toBeNull();
  expect(info.attachment).toBeNull();
  expect(info.serialise()).toBe(
    "device_id='0:0' port_id='2-1' devclass='usb' backend_domain='sys-usb' interfaces='?******'",
  );
});

test.each([
  ["it's", "it's"],
  ['two\nlines', 'two_lines'],
  ["x' mode='required", "x' mode='required"],
  ['backslash\\', 'backslash_'],
  ['caf\u00e9\0', 'caf__'],
  ['x'.repeat(300), 'x'.repeat(255)],
])('a device may call itself %j and still travels', (name, shown) => {
  const info = new DeviceInfo(new Port(sysUsb, '2-1', 'usb'), '0:0', { name, data: { note: name } });
  expect(info.name).toBe(shown);
  const { properties, options } = unpack(info.serialise());
  expect(properties.get('name')).toBe(shown);
  expect(properties.has('mode')).toBe(false);
  expect(options.get('note')).toBe(shown);
});
