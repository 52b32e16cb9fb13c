import { beforeEach, expect, test } from 'vitest';
import { QubesValueError, QubesVMNotFoundError, UnexpectedDeviceProperty } from '../../../src/base/errors.ts';
import { checkedDeviceId, checkedPortId, Device, Port } from '../../../src/devices/device.ts';
import { checkedDeviceClass, deviceClasses, registerDeviceClass } from '../../../src/devices/device-class.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import { Model } from '../../support/model.ts';

let model: Model;
let sysUsb: BaseVM;
const find = (name: string) => model.system.domain(name);
const stick = '0951:1666::u080650';

beforeEach(async () => {
  model = await Model.make();
  sysUsb = await model.add('StandaloneVM', 'sys-usb');
});

test('a port and a device are written as on Qubes', () => {
  const port = new Port(sysUsb, '2-1', 'usb');
  expect(String(port)).toBe('sys-usb:2-1');
  expect(String(new Device(port, stick))).toBe(`sys-usb:2-1:${stick}`);
  expect(String(new Device(port))).toBe('sys-usb:2-1:*');
  expect(String(new Device(new Port(null, '*', 'usb'), stick))).toBe(`*:*:${stick}`);
});

test.each([
  ['sys-usb+2-1', 'sys-usb:2-1:*'],
  ['sys-usb+2-1+_', 'sys-usb:2-1:*'],
  ['sys-usb+2-1+0951+1666++u080650', `sys-usb:2-1:${stick}`],
  [`sys-usb+2-1:${stick}`, `sys-usb:2-1:${stick}`],
  ['sys-usb+_+0951+1666++u080650', `sys-usb:*:${stick}`],
  ['_+_+0951+1666++u080650', `*:*:${stick}`],
  ['sys-usb+2-1+0000+0000++_______', 'sys-usb:2-1:0000:0000::?******'],
  ['dom0+00_14.0', 'dom0:00_14.0:*'],
])('the argument %s means %s', (argument, device) =>
  expect(String(Device.fromArgument(argument, 'usb', find))).toBe(device),
);

test.each([
  `sys-usb+2-1+0951+1666++u080650`,
  'sys-usb+_+_',
  '_+_+0951+1666++u080650',
  'sys-usb+2-1+0+0++_______',
])('the argument %s is given back', (argument) =>
  expect(Device.fromArgument(argument, 'usb', find).argument).toBe(argument),
);

test.each([
  '',
  'sys-usb',
  'sys-usb+',
  'sys-usb+a/b',
  'sys-usb+a b',
  "sys-usb+1+'",
  `sys-usb+${'1'.repeat(256)}`,
])('the argument %j is refused', (argument) =>
  expect(() => Device.fromArgument(argument, 'usb', find)).toThrow(QubesValueError),
);

test('a backend that does not exist is an error', () => {
  expect(() => Device.fromArgument('nobody+1', 'usb', find)).toThrow(QubesVMNotFoundError);
});

test.each(['', 'a b', 'a/b', 'é', '../x', 'a+b', 'a:b', 'x'.repeat(256)])('%j is no port id', (id) =>
  expect(() => checkedPortId(id)).toThrow(QubesValueError),
);

test.each(['', 'a b', "a'", 'a"', 'a\\', 'é', '\n', 'x'.repeat(1025)])('%j is no device id', (id) =>
  expect(() => checkedDeviceId(id)).toThrow(QubesValueError),
);

test('devices are equal when class, backend, port and id are', () => {
  const device = (port = '2-1', id = stick, deviceClass = 'usb') =>
    new Device(new Port(sysUsb, port, deviceClass), id);
  expect(device().equals(device())).toBe(true);
  for (const other of [device('2-2'), device('2-1', '*'), device('2-1', stick, 'block')])
    expect(device().equals(other)).toBe(false);
});

test('a device stands for itself, and with * for others', () => {
  const present = new Device(new Port(sysUsb, '2-1', 'usb'), stick);
  const covers = (backend: BaseVM | null, port: string, id: string, deviceClass = 'usb') =>
    new Device(new Port(backend, port, deviceClass), id).covers(present);
  expect(covers(sysUsb, '2-1', stick)).toBe(true);
  expect(covers(sysUsb, '*', stick)).toBe(true);
  expect(covers(sysUsb, '2-1', '*')).toBe(true);
  expect(covers(null, '*', '*')).toBe(true);
  expect(covers(sysUsb, '2-2', '*')).toBe(false);
  expect(covers(sysUsb, '*', 'other')).toBe(false);
  expect(covers(model.system.adminVM, '*', '*')).toBe(false);
  expect(covers(null, '*', '*', 'block')).toBe(false);
});

test('a payload may repeat what the argument says, and add an id it leaves open', () => {
  const open = new Device(new Port(sysUsb, '2-1', 'usb'));
  const said = new Map([
    ['backend_domain', 'sys-usb'],
    ['device_id', stick],
    ['mode', 'manual'],
  ]);
  expect(String(open.refinedBy(said))).toBe(`sys-usb:2-1:${stick}`);
  expect([...said.keys()]).toEqual(['mode']);
  expect(open.refinedBy(new Map())).toBe(open);
});

test.each([
  ['backend_domain', 'dom0'],
  ['port_id', '2-2'],
  ['devclass', 'block'],
  ['device_id', '0000:0000::?******'],
])('a payload may not contradict the argument: %s', (key, value) => {
  const device = new Device(new Port(sysUsb, '2-1', 'usb'), stick);
  expect(() => device.refinedBy(new Map([[key, value]]))).toThrow(UnexpectedDeviceProperty);
});

test('the classes of Qubes are there, and a plugin may register more', () => {
  expect(deviceClasses()).toEqual(['block', 'mic', 'pci', 'usb']);
  registerDeviceClass('scanner');
  expect(deviceClasses()).toContain('scanner');
  expect(() => registerDeviceClass('scanner')).toThrow(
    new RangeError("device class 'scanner' is registered twice"),
  );
});

test.each(['', 'USB', '1usb', 'a.b', 'usb\n', 'x'.repeat(33)])('%j is no device class', (name) => {
  expect(() => checkedDeviceClass(name)).toThrow(QubesValueError);
  expect(() => registerDeviceClass(name)).toThrow(QubesValueError);
});
