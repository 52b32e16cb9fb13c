import { beforeEach, describe, expect, test } from 'vitest';
import {
  DeviceAlreadyAssigned,
  DeviceAlreadyAttached,
  DeviceNotAssigned,
  DeviceNotFound,
  PermissionDenied,
  ProtocolError,
  QubesException,
  QubesUnrecognizedDeviceAssignmentMode,
  QubesValueError,
  QubesVMInUseError,
  QubesVMNotHaltedError,
  QubesVMNotRunningError,
  UnrecognizedDevice,
} from '../../../src/base/errors.ts';
import { type AssignmentMode, DeviceAssignment } from '../../../src/devices/assignment.ts';
import { Device, Port } from '../../../src/devices/device.ts';
import type {
  DeviceCollection,
  ListAttachedRequest,
  ListRequest,
} from '../../../src/devices/device-collection.ts';
import { DeviceInfo } from '../../../src/devices/device-info.ts';
import { DeviceInterface } from '../../../src/devices/device-interface.ts';
import { DeviceOptions } from '../../../src/devices/options.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import type { StandaloneVM } from '../../../src/vm/standalone-vm.ts';
import { Model } from '../../support/model.ts';

/** A bus whose cables are in memory: what an extension for a device class does, with nothing behind it. */
class Bus {
  readonly plugged = new Map<string, DeviceInfo>();
  readonly users = new Map<string, BaseVM>();
  /** Set to have it refuse to work. */
  broken = false;
  /** Resolved before each attachment is made, so that another call can come between. */
  ready: Promise<void> = Promise.resolve();

  constructor(model: Model, backend: BaseVM) {
    const { events } = model.system;
    events.on('device-list:usb', (subject, _event, values) => {
      if (subject !== backend) return;
      for (const device of this.plugged.values()) (values as unknown as ListRequest).add(device);
    });
    events.on('device-list-attached:usb', (subject, _event, values) => {
      for (const [port, user] of this.users)
        if (user === subject)
          (values as unknown as ListAttachedRequest).add(this.plugged.get(port) as DeviceInfo);
    });
    events.on('device-attach:usb', async (subject, _event, { device }) => {
      await this.ready;
      if (this.broken) throw new QubesException('the bus is broken');
      this.users.set((device as Device).port.id, subject as BaseVM);
    });
    events.on('device-detach:usb', (_subject, _event, { port }) => void this.users.delete((port as Port).id));
  }

  plug(port: Port, id: string, interfaces = 'u080650'): DeviceInfo {
    const device = new DeviceInfo(port, id, { interfaces: DeviceInterface.parseAll(interfaces) });
    this.plugged.set(port.id, device);
    return device;
  }
}

let model: Model;
let bus: Bus;
let sysUsb: BaseVM;
let work: StandaloneVM;
let usb: DeviceCollection;
let port: Port;
let stick: DeviceInfo;

beforeEach(async () => {
  model = await Model.make();
  sysUsb = await model.add('StandaloneVM', 'sys-usb');
  work = await model.add<StandaloneVM>('StandaloneVM', 'work');
  bus = new Bus(model, sysUsb);
  port = new Port(sysUsb, '2-1', 'usb');
  stick = bus.plug(port, 'stick');
  usb = work.devices.get('usb');
});

function assignment(
  device: Device = new Device(port, 'stick'),
  mode: AssignmentMode = 'auto-attach',
): DeviceAssignment {
  return new DeviceAssignment(device, work, mode, new DeviceOptions([['ro', 'yes']]));
}

function assign(wanted = assignment()): Promise<void> {
  return model.system.change((change) => usb.assign(change, wanted));
}

const unassign = (device: Device) => model.system.change((change) => usb.unassign(change, device));
const setMode = (device: Device, mode: AssignmentMode) =>
  model.system.change((change) => usb.setMode(change, device, mode));

/** The stored record of the domain that uses the devices. */
const stored = () => model.disk.records.get(`domain/${work.uuid}`) ?? '';

describe('assigned devices', () => {
  test('an assignment is stored before it is announced', async () => {
    let storedWhenAnnounced = '';
    model.system.events.on('device-assign:usb', () => {
      storedWhenAnnounced = stored();
    });
    expect(await model.heard(() => assign())).toEqual([
      'sys-usb device-list:usb',
      'work device-pre-assign:usb',
      'work device-assign:usb',
    ]);
    expect(storedWhenAnnounced).toContain(
      '<device backend-domain="sys-usb" id="2-1" mode="auto-attach" identity="stick">',
    );
    expect(usb.assigned().map(String).length).toBe(1);
  });

  test('events say which device and how', async () => {
    const said: unknown[] = [];
    model.system.events.on(
      'device-assign:usb',
      (_subject, _event, { device, options }) => void said.push([String(device), String(options)]),
    );
    await assign();
    expect(said).toEqual([['sys-usb:2-1:stick', "{'ro': 'yes'}"]]);
  });

  test('a device that is not present may be assigned', async () => {
    await assign(assignment(new Device(new Port(sysUsb, '9-9', 'usb'), 'absent')));
    await assign(assignment(new Device(new Port(null, '*', 'usb'), 'anywhere')));
    expect(usb.assigned().map(({ device }) => device.key)).toEqual(['sys-usb:9-9:absent', '*:*:anywhere']);
  });

  test('the same device cannot be assigned twice, whatever the mode', async () => {
    await assign();
    const refused = assign(assignment(new Device(port, 'stick'), 'required'));
    await expect(refused).rejects.toThrow(DeviceAlreadyAssigned);
    await expect(refused).rejects.toThrow(
      'usb device sys-usb:2-1:stick is already assigned to work; unassign it first',
    );
  });

  test('a manual assignment is none', () =>
    expect(assign(assignment(undefined, 'manual'))).rejects.toThrow(QubesValueError));

  test('a device of another class, or an assignment to another domain, is refused', async () => {
    await expect(assign(assignment(new Device(new Port(sysUsb, 'sda', 'block'))))).rejects.toThrow(
      ProtocolError,
    );
    await expect(assign(new DeviceAssignment(stick, sysUsb, 'required'))).rejects.toThrow(ProtocolError);
  });

  test('a present device with a denied interface is refused', async () => {
    await model.set(work, 'devices_denied', 'u08****');
    const refused = assign();
    await expect(refused).rejects.toThrow(PermissionDenied);
    await expect(refused).rejects.toThrow(
      'Device sys-usb:2-1:stick has interface u080650, which work denies (u08**** in devices_denied)',
    );
    await assign(assignment(new Device(new Port(sysUsb, '9-9', 'usb'))));
  });

  test('a handler may refuse, and nothing is left of it', async () => {
    model.system.events.on('device-pre-assign:usb', () => {
      throw new PermissionDenied('not today');
    });
    await expect(assign()).rejects.toThrow('not today');
    expect(usb.assigned()).toEqual([]);
    expect([...sysUsb.referrers.entries()]).toEqual([]);
  });

  test('an assignment that cannot be stored has not happened', async () => {
    model.disk.capacity = 1;
    const heard = model.heard(() => assign().catch(() => {}));
    expect(await heard).toEqual(['sys-usb device-list:usb', 'work device-pre-assign:usb']);
    expect(usb.assigned()).toEqual([]);
    expect([...sysUsb.referrers.entries()]).toEqual([]);
  });

  test('taking an assignment back', async () => {
    await assign();
    expect(await model.heard(() => unassign(new Device(port, 'stick')))).toEqual([
      'work device-pre-unassign:usb',
      'work device-unassign:usb',
    ]);
    expect(usb.assigned()).toEqual([]);
    expect(stored()).not.toContain('device ');
    await expect(unassign(stick)).rejects.toThrow(DeviceNotAssigned);
  });

  test('only exactly what was assigned can be taken back', async () => {
    await assign();
    for (const device of [new Device(port), new Device(new Port(sysUsb, '2-2', 'usb'), 'stick')])
      await expect(unassign(device)).rejects.toThrow(DeviceNotAssigned);
    const otherClass = new Device(new Port(sysUsb, '2-1', 'block'), 'stick');
    await expect(unassign(otherClass)).rejects.toThrow(DeviceNotAssigned);
    expect(usb.assigned()).toHaveLength(1);
  });

  test('unassigning may be refused', async () => {
    await assign();
    model.system.events.on('device-pre-unassign:usb', () => {
      throw new PermissionDenied('it stays');
    });
    await expect(unassign(stick)).rejects.toThrow('it stays');
    expect(usb.assigned()).toHaveLength(1);
  });

  test('changing the mode keeps the options', async () => {
    await assign();
    expect(await model.heard(() => setMode(stick, 'required'))).toEqual([
      'work device-pre-assign:usb',
      'work device-assignment-changed:usb',
    ]);
    const [changed] = usb.assigned();
    expect([changed?.mode, changed?.options.get('ro')]).toEqual(['required', 'yes']);
    expect(stored()).toContain('mode="required"');
    expect(await model.heard(() => setMode(stick, 'required'))).toEqual([]);
  });

  test('a mode that is not for assignments, or a device that is not assigned, is refused', async () => {
    await expect(setMode(stick, 'required')).rejects.toThrow(DeviceNotAssigned);
    await assign();
    await expect(setMode(stick, 'manual')).rejects.toThrow(QubesUnrecognizedDeviceAssignmentMode);
    expect(usb.assigned()[0]?.mode).toBe('auto-attach');
  });

  test('the backend knows that it is needed, and cannot be removed until it is not', async () => {
    await assign();
    await assign(assignment(new Device(new Port(sysUsb, '2-2', 'usb'))));
    const backend = sysUsb as StandaloneVM;
    await expect(backend.remove()).rejects.toThrow(QubesVMInUseError);
    await expect(backend.remove()).rejects.toThrow('device usb:2-1:stick, device usb:2-2:* of domain work');
    await unassign(stick);
    expect([...sysUsb.referrers.entries()]).toEqual([[work, new Set(['device usb:2-2:*'])]]);
  });

  test("a domain's own device does not keep it from being removed", async () => {
    await assign(assignment(new Device(new Port(work, '1', 'usb'))));
    expect([...work.referrers.entries()]).toEqual([]);
  });
});

describe('attached devices', () => {
  beforeEach(() => {
    // There is no engine here: the host is a domain that always runs.
    const dom0 = model.system.adminVM;
    usb = dom0.devices.get('usb');
  });

  const toHost = (device: Device = stick, mode: AssignmentMode = 'manual') =>
    new DeviceAssignment(device, model.system.adminVM, mode);

  test('a present device is attached by its extension', async () => {
    expect(usb.attached()).toEqual([]);
    await usb.attach(toHost());
    expect(bus.users.get('2-1')).toBe(model.system.adminVM);
    expect(usb.attached().map(({ device, mode }) => [device.key, mode])).toEqual([
      ['sys-usb:2-1:stick', 'manual'],
    ]);
  });

  test('observers hear of it after the extension has done it', async () => {
    const attachedWhenHeard: boolean[] = [];
    model.system.events.on('device-attach:*', () => void attachedWhenHeard.push(bus.users.has('2-1')));
    await usb.attach(toHost());
    expect(attachedWhenHeard).toEqual([true]);
  });

  test('an attachment that fails is the failure of the call', async () => {
    bus.broken = true;
    const heard: string[] = [];
    model.system.events.on('device-attach:*', (_subject, event) => void heard.push(event));
    await expect(usb.attach(toHost())).rejects.toThrow('the bus is broken');
    expect(heard).toEqual([]);
    bus.broken = false;
    await usb.attach(toHost());
    expect(usb.attached()).toHaveLength(1);
  });

  test('an attached device shows the assignment it has', async () => {
    await model.system.change((change) => usb.assign(change, toHost(new Device(port, 'stick'), 'required')));
    await usb.attach(toHost());
    expect(usb.attached()[0]?.mode).toBe('required');
  });

  test('a halted domain gets nothing', async () => {
    const attempt = work.devices.get('usb').attach(assignment(stick, 'manual'));
    await expect(attempt).rejects.toThrow(QubesVMNotRunningError);
    await expect(attempt).rejects.toThrow('Domain work is halted: start it first, or assign the device');
  });

  test('the device must be there, and be the one that was meant', async () => {
    const other = new Port(sysUsb, '9-9', 'usb');
    await expect(usb.attach(toHost(new Device(other)))).rejects.toThrow(DeviceNotFound);
    await expect(usb.attach(toHost(new Device(port, 'trusted')))).rejects.toThrow(UnrecognizedDevice);
    await expect(usb.attach(toHost(new Device(port, 'trusted')))).rejects.toThrow(
      'Expected usb device sys-usb:2-1:trusted, but sys-usb:2-1:stick is there',
    );
    await expect(usb.attach(toHost(new Device(new Port(null, '2-1', 'usb'))))).rejects.toThrow(
      'No usb device *:2-1:*: name the domain it is of',
    );
  });

  test('a device may be named by its id alone as long as there is one of them', async () => {
    const anyPort = new Device(new Port(sysUsb, '*', 'usb'), 'stick');
    bus.plug(new Port(sysUsb, '2-2', 'usb'), 'stick');
    await expect(usb.attach(toHost(anyPort))).rejects.toThrow(ProtocolError);
    bus.plugged.delete('2-2');
    await usb.attach(toHost(anyPort));
    expect([...bus.users.keys()]).toEqual(['2-1']);
  });

  test('a device cannot be attached twice, here or elsewhere', async () => {
    await usb.attach(toHost());
    await expect(usb.attach(toHost())).rejects.toThrow(DeviceAlreadyAttached);
    const taken = new DeviceInfo(new Port(sysUsb, '2-2', 'usb'), 'taken', { attachment: work });
    bus.plugged.set('2-2', taken);
    await expect(usb.attach(toHost(taken))).rejects.toThrow(
      'usb device sys-usb:2-2:taken is already attached to work; detach it there first',
    );
  });

  test('of two attachments at once only one is made', async () => {
    const gate = Promise.withResolvers<void>();
    bus.ready = gate.promise;
    const both = Promise.allSettled([usb.attach(toHost()), usb.attach(toHost())]);
    gate.resolve();
    expect((await both).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  test('a denied interface is refused whatever was assigned', async () => {
    await model.set(model.system.adminVM, 'devices_denied', '*******');
    await expect(usb.attach(toHost(stick, 'required'))).rejects.toThrow(PermissionDenied);
    expect(bus.users.size).toBe(0);
  });

  test('attaching and detaching may be refused', async () => {
    using refusal = model.system.events.on('device-pre-attach:usb', async () => {
      throw new PermissionDenied('not here');
    });
    await expect(usb.attach(toHost())).rejects.toThrow('not here');
    refusal[Symbol.dispose]();
    await usb.attach(toHost());
    model.system.events.on('device-pre-detach:usb', () => {
      throw new PermissionDenied('it stays');
    });
    await expect(usb.detach(port)).rejects.toThrow('it stays');
    expect(bus.users.size).toBe(1);
  });

  test('an attached device is taken back', async () => {
    await usb.attach(toHost());
    expect(await model.heard(() => usb.detach(port))).toEqual([
      'dom0 device-list-attached:usb',
      'dom0 device-pre-detach:usb',
      'dom0 device-detach:usb',
    ]);
    expect(usb.attached()).toEqual([]);
    await expect(usb.detach(port)).rejects.toThrow(DeviceNotAssigned);
  });

  test('a running domain keeps the devices it requires until they are unassigned', async () => {
    const required = toHost(new Device(new Port(sysUsb, '*', 'usb'), 'stick'), 'required');
    await model.system.change((change) => usb.assign(change, required));
    await usb.attach(toHost());
    await expect(usb.detach(port)).rejects.toThrow(QubesVMNotHaltedError);
    await model.system.change((change) => usb.unassign(change, required.device));
    await usb.detach(port);
    expect(bus.users.size).toBe(0);
  });
});
