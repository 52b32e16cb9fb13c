/** Properties of the model that hold for any input: rules of names, round trips of text, XML and the wire. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { QubesException } from '../../src/base/errors.ts';
import { encodeFrame, Frame, FrameReader } from '../../src/base/frames.ts';
import { DeviceAssignment } from '../../src/devices/assignment.ts';
import { checkedDeviceId, checkedPortId, Device, Port } from '../../src/devices/device.ts';
import { DeviceInfo } from '../../src/devices/device-info.ts';
import { checkedInterfaces, DeviceInterface } from '../../src/devices/device-interface.ts';
import { DeviceOptions } from '../../src/devices/options.ts';
import { checkedKey, pack, unpack } from '../../src/devices/wire.ts';
import type { BaseVM } from '../../src/vm/base-vm.ts';
import { BaseVMMeta } from '../../src/vm/base-vm-meta.ts';
import { checkedLabelColor, checkedLabelName } from '../../src/vm/label.ts';
import { checkedName } from '../../src/vm/name.ts';
import { checkedTag } from '../../src/vm/tags.ts';
import { parseXml } from '../../src/xml/parser.ts';
import { writeXml } from '../../src/xml/writer.ts';
import { Model } from '../support/model.ts';

const ascii = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
/** Text near what the rules allow, so that both outcomes are seen. */
const nearlyFit = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9_.+:-]{0,40}$/),
  ascii,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', 'none', 'default', 'a\n', '\0', '0x123456', 'dom0', '-dm', '..'),
);

/** What a check gives back, or undefined when it refuses with an error meant for users. */
function accepted<T>(check: (untrusted: string) => T, untrusted: string): T | undefined {
  try {
    return check(untrusted);
  } catch (error) {
    expect(error).toBeInstanceOf(QubesException);
    expect((error as Error).message).toMatch(/^[\x20-\x7e]+$/);
    return undefined;
  }
}

test.each([
  ['name', checkedName, /^[a-zA-Z][a-zA-Z0-9_.-]{0,30}$/],
  ['label name', checkedLabelName, /^[a-zA-Z0-9_.-]{1,64}$/],
  ['label colour', checkedLabelColor, /^0x[0-9a-f]{6}$/],
  ['tag', checkedTag, /^[a-zA-Z0-9_-]{1,255}$/],
  ['port id', checkedPortId, /^([a-zA-Z0-9._-]{1,255}|\*)$/],
  ['device id', checkedDeviceId, /^[!#-&(-[\]-_a-~]{1,1024}$/],
  ['interfaces', checkedInterfaces, /^([a-z?*][0-9a-zA-Z*]{6})*$/],
] as const)('a %s is in canonical form, or refused with a printable error', (_what, check, form) => {
  fc.assert(
    fc.property(nearlyFit, (untrusted) => {
      const value = accepted(check, untrusted);
      if (value === undefined) return;
      expect(value).toMatch(form);
      expect(check(value)).toBe(value);
    }),
    { numRuns: 500 },
  );
});

const key = fc.stringMatching(/^[0-9A-Za-z!#$%&()*+,\-./:;<>?@[\]^{|}~]{1,10}$/);
const value = ascii.filter((text) => !text.endsWith('\\'));

test('device properties: what is packed is unpacked the same', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 5 }),
      (entries) => {
        const { properties, options } = unpack(pack(entries));
        expect([...properties]).toEqual(entries);
        expect(options.size).toBe(0);
        const asOptions = unpack(pack(entries.map(([name, text]) => [`_${name}`, text] as const)));
        expect([...asOptions.options]).toEqual(entries);
      },
    ),
  );
});

test('device properties: any text is understood in one way or refused', () => {
  const fragment = fc.constantFrom(
    "='",
    "'",
    "\\'",
    '\\',
    ' ',
    'a',
    '_b',
    "' c='",
    '=',
    "a='x'",
    '"',
    'é',
    '\n',
  );
  fc.assert(
    fc.property(
      fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join('')),
      (text) => {
        const read = accepted(unpack, text);
        if (!read) return;
        const again = [
          ...read.properties,
          ...[...read.options].map(([name, given]) => [`_${name}`, given] as const),
        ];
        for (const [name] of again) expect(checkedKey(name)).toBe(name);
        expect(unpack(pack(again))).toEqual(read);
      },
    ),
    { numRuns: 1000 },
  );
});

test('frames: however the stream is cut, the same frames come out', () => {
  const frame = fc.record({
    type: fc.constantFrom(...Object.values(Frame)),
    payload: fc.uint8Array({ maxLength: 200 }),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.nat(40), { maxLength: 40 }),
      (frames, cuts) => {
        let rest: Uint8Array = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)));
        const reader = new FrameReader();
        const read: unknown[] = [];
        const push = (chunk: Uint8Array) => {
          for (const { type, payload } of reader.push(chunk))
            read.push({ type, payload: new Uint8Array(payload) });
        };
        for (const length of cuts) {
          push(rest.subarray(0, length));
          rest = rest.subarray(length);
        }
        push(rest);
        expect(read).toEqual(frames.map(({ type, payload }) => ({ type, payload: new Uint8Array(payload) })));
        expect(reader.truncated).toBe(false);
      },
    ),
  );
});

let model: Model;
let sysUsb: BaseVM;

beforeAll(async () => {
  model = await Model.make();
  await model.add('TemplateVM', 'base');
  await model.add('AppVM', 'dvm', { template: 'base', template_for_dispvms: 'True' });
  sysUsb = await model.add('StandaloneVM', 'sys-usb', { provides_network: 'True' });
});

const portId = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9._-]{1,12}$/).filter((id) => id !== '_'),
  fc.constant('*'),
);
const deviceId = fc.oneof(
  fc.stringMatching(/^[0-9a-f]{4}:[0-9a-f]{4}:[a-zA-Z0-9]{0,8}:u[0-9a-f]{6}$/),
  fc.constantFrom('*', '0000:0000::?******'),
);
const options = fc
  .uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 3 })
  .filter((entries) => entries.every(([name]) => name !== 'identity'))
  .map((entries) => new DeviceOptions(entries));
const mode = fc.constantFrom('ask-to-attach', 'auto-attach', 'required' as const);

test('assignments: sent and read back, they say the same', () => {
  fc.assert(
    fc.property(portId, deviceId, options, mode, fc.boolean(), (port, id, given, when, anywhere) => {
      const device = new Device(new Port(anywhere ? null : sysUsb, port, 'usb'), id);
      const sent = new DeviceAssignment(device, model.system.adminVM, when, given);
      const named = Device.fromArgument(device.argument, 'usb', (name) => model.system.domain(name));
      expect(named.key).toBe(device.key);
      const read = DeviceAssignment.parse(sent.serialise(), named, model.system.adminVM);
      expect(read.serialise()).toBe(sent.serialise());
    }),
  );
});

test('a device can say of itself what it likes: it is always sent as one device, and says nothing else', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'binary', maxLength: 60 }),
      (name, serial) => {
        const info = new DeviceInfo(new Port(sysUsb, '1', 'usb'), 'x', {
          name,
          serial,
          interfaces: [DeviceInterface.parse('u080650')],
          data: { note: name },
        });
        const { properties, options: data } = unpack(info.serialise());
        expect(info.serialise()).not.toContain('\n');
        expect(properties.get('interfaces')).toBe('u080650');
        expect(properties.size).toBeLessThanOrEqual(7);
        expect([...data.keys()]).toEqual(['note']);
      },
    ),
  );
});

/** What may be done to a new domain, as clients send it. */
const actions = {
  property: fc.tuple(
    fc.constantFrom(
      'memory',
      'maxmem',
      'vcpus',
      'default_user',
      'kernelopts',
      'debug',
      'autostart',
      'netvm',
      'label',
      'template',
      'virt_mode',
      'mac',
      'ip',
      'ip6',
      'keyboard_layout',
      'devices_denied',
      'default_dispvm',
      'relayvm',
      'transport_rpc',
      'appvm_default_bootmode',
      'backup_timestamp',
      'bootmode',
      'kernel',
      'remote_name',
      'auto_cleanup',
    ),
    fc.oneof(
      fc.constantFrom(
        '',
        '1',
        '400',
        'True',
        'no',
        'sys-usb',
        'base',
        'dvm',
        'green',
        'hvm',
        'None',
        'u080650',
        '00:16:3e:00:00:01',
        '10.0.0.1',
        'fd00::1',
        'us++',
      ),
      ascii,
      nearlyFit,
    ),
  ),
  feature: fc.tuple(fc.oneof(fc.stringMatching(/^[!-~]{1,20}$/), nearlyFit), fc.oneof(ascii, nearlyFit)),
  tag: nearlyFit,
  notes: fc
    .string({ unit: 'binary', maxLength: 40 })
    .filter((text) => /^[\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(text)),
  device: fc.tuple(fc.constantFrom('pci', 'usb', 'block', 'mic'), portId, deviceId, options, mode),
};
const plan = fc.record({
  klass: fc.constantFrom(...BaseVMMeta.names().filter((name) => name !== 'AdminVM')),
  properties: fc.array(actions.property, { maxLength: 12 }),
  features: fc.array(actions.feature, { maxLength: 4 }),
  tags: fc.array(actions.tag, { maxLength: 4 }),
  notes: actions.notes,
  devices: fc.array(actions.device, { maxLength: 3 }),
});

let made = 0;

/** Makes a domain of the plan; what of it is refused leaves no trace. */
async function build({
  klass,
  properties,
  features,
  tags,
  notes,
  devices,
}: typeof plan extends fc.Arbitrary<infer T> ? T : never): Promise<BaseVM> {
  made += 1;
  const { system } = model;
  const vm = await model.add(klass, `vm-${made}`, klass === 'DispVM' ? { dispid: String(made) } : {});
  const attempt = async (work: Parameters<typeof system.change>[0]) => {
    const before = writeXml(vm.xml);
    try {
      await system.change(work);
    } catch (error) {
      expect(error).toBeInstanceOf(QubesException);
      expect(writeXml(vm.xml)).toBe(before);
    }
  };
  for (const [name, text] of properties)
    if (vm.properties.has(name)) await attempt((change) => vm.setText(change, vm.property(name), text));
  for (const [name, text] of features) await attempt((change) => vm.features.set(change, name, text));
  for (const tag of tags) await attempt((change) => vm.tags.add(change, tag));
  await attempt((change) => vm.setNotes(change, notes));
  for (const [deviceClass, port, id, given, when] of devices)
    await attempt((change) => {
      const device = new Device(new Port(sysUsb, port, deviceClass), id);
      vm.devices.get(deviceClass).assign(change, new DeviceAssignment(device, vm, when, given));
    });
  return vm;
}

test('any domain that can be made is stored, and read back the same', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (wanted) => {
      const vm = await build(wanted);
      const stored = model.disk.records.get(`domain/${vm.uuid}`) ?? expect.fail('it is not stored');
      expect(parseXml(stored)).toEqual(parseXml(writeXml(vm.xml)));
      const twin = new (BaseVMMeta.get(vm.klass))(model.system);
      twin.loadIdentity(parseXml(stored));
      twin.load(parseXml(stored));
      expect(writeXml(twin.xml)).toBe(writeXml(vm.xml));
      for (const property of vm.properties.values())
        expect([property.name, property.format(twin.value(property) as never)]).toEqual([
          property.name,
          property.format(vm.value(property) as never),
        ]);
    }),
    { numRuns: 150 },
  );
  const later = await model.restarted();
  const broken = [...later.system.domains].filter((vm) => vm.broken).map((vm) => vm.broken);
  expect(broken).toEqual([]);
  expect(later.system.domains.size).toBe(made + 4);
});
