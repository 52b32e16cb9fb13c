import { beforeEach, describe, expect, test } from 'vitest';
import {
  ProtocolError,
  QubesUnrecognizedDeviceAssignmentMode,
  QubesValueError,
  QubesVMNotFoundError,
  UnexpectedDeviceProperty,
} from '../../../src/base/errors.ts';
import { checkedMode, DeviceAssignment } from '../../../src/devices/assignment.ts';
import { assignmentFrom, recordOf } from '../../../src/devices/assignment-record.ts';
import { Device, Port } from '../../../src/devices/device.ts';
import { DeviceOptions } from '../../../src/devices/options.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import { parseXml } from '../../../src/xml/parser.ts';
import { writeXml } from '../../../src/xml/writer.ts';
import { Model } from '../../support/model.ts';

let sysUsb: BaseVM;
let work: BaseVM;
let device: Device;

beforeEach(async () => {
  const model = await Model.make();
  sysUsb = await model.add('StandaloneVM', 'sys-usb');
  work = await model.add('StandaloneVM', 'work');
  device = new Device(new Port(sysUsb, '2-1', 'usb'), 'stick');
});

describe('on the wire', () => {
  test('an assignment is sent with its device, mode, domain and options', () => {
    const options = new DeviceOptions([['read-only', 'yes']]);
    expect(new DeviceAssignment(device, work, 'auto-attach', options).serialise()).toBe(
      "device_id='stick' port_id='2-1' devclass='usb' backend_domain='sys-usb' mode='auto-attach' " +
        "frontend_domain='work' _read-only='yes'",
    );
  });

  test('it is read back the same', () => {
    const sent = new DeviceAssignment(device, work, 'required', new DeviceOptions([['o', "a 'b'"]]));
    const read = DeviceAssignment.parse(sent.serialise(), device, work);
    expect(read.serialise()).toBe(sent.serialise());
    expect(read.required).toBe(true);
  });

  test('no payload means a manual attachment', () => {
    const read = DeviceAssignment.parse('', device, work);
    expect(read).toMatchObject({ mode: 'manual', frontend: work, device, required: false });
    expect([...read.options.entries()]).toEqual([]);
  });

  test.each([
    ['an unknown mode', "mode='sometimes'", QubesUnrecognizedDeviceAssignmentMode],
    ['an unknown property', "colour='red'", ProtocolError],
    ['a property named as one of every object', "constructor='x'", ProtocolError],
    ['another domain', "frontend_domain='personal'", UnexpectedDeviceProperty],
    ['another backend', "backend_domain='dom0'", UnexpectedDeviceProperty],
    ['another port', "port_id='2-2'", UnexpectedDeviceProperty],
    ['another class', "devclass='pci'", UnexpectedDeviceProperty],
    ['another device', "device_id='other'", UnexpectedDeviceProperty],
    ['what is not property text', 'required', ProtocolError],
  ])('%s is refused', (_what, text, error) =>
    expect(() => DeviceAssignment.parse(text, device, work)).toThrow(error),
  );

  test('the four modes of Qubes are known', () => {
    for (const mode of ['manual', 'ask-to-attach', 'auto-attach', 'required'])
      expect(checkedMode(mode)).toBe(mode);
    expect(() => checkedMode('Required')).toThrow(
      "Invalid assignment mode 'Required': it must be one of manual, ask-to-attach, auto-attach, required",
    );
  });
});

describe('options', () => {
  test('are shown to event listeners in the notation of Qubes', () => {
    expect(
      String(
        new DeviceOptions([
          ['ro', 'True'],
          ['label', "it's"],
        ]),
      ),
    ).toBe("{'ro': 'True', 'label': 'it\\'s'}");
    expect(String(DeviceOptions.none)).toBe('{}');
  });

  test('have names and values that can travel, each name once', () => {
    expect(() => new DeviceOptions([['a b', 'x']])).toThrow(ProtocolError);
    expect(() => new DeviceOptions([['a', 'x\n']])).toThrow(ProtocolError);
    expect(
      () =>
        new DeviceOptions([
          ['a', 'x'],
          ['a', 'y'],
        ]),
    ).toThrow("Device option 'a' is given twice");
    expect(new DeviceOptions([['a', 'x']]).get('a')).toBe('x');
    expect(new DeviceOptions([['a', 'x']]).get('b')).toBeUndefined();
  });
});

describe('in the stored state', () => {
  const read = (xml: string, deviceClass = 'usb') => assignmentFrom(parseXml(xml), deviceClass, work);

  test('an assignment is stored as Qubes 4.4 does', () => {
    const options = new DeviceOptions([
      ['no-strict-reset', 'True'],
      ['empty', ''],
    ]);
    const xml = writeXml(recordOf(new DeviceAssignment(device, work, 'required', options)));
    expect(xml.replace(/>\s+</g, '><').trim()).toContain(
      '<device backend-domain="sys-usb" id="2-1" mode="required" identity="stick">' +
        '<option name="no-strict-reset">True</option><option name="empty"/></device>',
    );
    expect(read(xml)).toEqual(new DeviceAssignment(device, work, 'required', options));
    expect(read(xml).serialise()).toBe(new DeviceAssignment(device, work, 'required', options).serialise());
  });

  test('any backend and any port are stored so that Qubes reads them', () => {
    const anywhere = new DeviceAssignment(
      new Device(new Port(null, '*', 'usb'), 'stick'),
      work,
      'ask-to-attach',
    );
    const record = recordOf(anywhere);
    expect(record.attributes.has('backend-domain')).toBe(false);
    expect(assignmentFrom(record, 'usb', work).device.key).toBe('*:*:stick');
  });

  test.each([
    [
      '4.0 to 4.2: always required',
      '<device backend-domain="dom0" id="00_14.0"/>',
      'dom0:00_14.0:*',
      'required',
    ],
    ['4.3: required', '<device backend-domain="dom0" id="1" required="True"/>', 'dom0:1:*', 'required'],
    ['4.3: not required', '<device backend-domain="dom0" id="1" required="no"/>', 'dom0:1:*', 'auto-attach'],
    [
      '4.3: the identity as an option',
      '<device backend-domain="dom0" id="1" required="yes"><option name="identity">stick</option></device>',
      'dom0:1:stick',
      'required',
    ],
    [
      '4.4',
      '<device backend-domain="sys-usb" id="*" mode="ask-to-attach" identity="stick"/>',
      'sys-usb:*:stick',
      'ask-to-attach',
    ],
    [
      '4.4: any backend, as it writes it',
      '<device backend-domain="*" id="*" mode="auto-attach" identity="s"/>',
      '*:*:s',
      'auto-attach',
    ],
  ])('%s', (_version, xml, key, mode) => {
    const assignment = read(xml);
    expect(assignment.device.key).toBe(key);
    expect(assignment.mode).toBe(mode);
    expect([...assignment.options.entries()]).toEqual([]);
  });

  test.each([
    ['a backend that does not exist', '<device backend-domain="nobody" id="1"/>', QubesVMNotFoundError],
    ['a bad port', '<device backend-domain="dom0" id="../1"/>', QubesValueError],
    ['a bad identity', '<device backend-domain="dom0" id="1" identity="a b"/>', QubesValueError],
    ['a bad mode', '<device backend-domain="dom0" id="1" mode="x"/>', QubesUnrecognizedDeviceAssignmentMode],
    ['a bad required', '<device backend-domain="dom0" id="1" required="x"/>', QubesValueError],
    [
      'an option without a name',
      '<device backend-domain="dom0" id="1"><option>x</option></device>',
      ProtocolError,
    ],
  ])('%s is refused', (_what, xml, error) => expect(() => read(xml)).toThrow(error));
});
