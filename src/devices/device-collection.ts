import type { EventArguments } from '../base/emitter.ts';
import {
  DeviceAlreadyAssigned,
  DeviceAlreadyAttached,
  DeviceNotAssigned,
  DeviceNotFound,
  PermissionDenied,
  ProtocolError,
  QubesUnrecognizedDeviceAssignmentMode,
  QubesValueError,
  QubesVMNotHaltedError,
  QubesVMNotRunningError,
  UnrecognizedDevice,
} from '../base/errors.ts';
import { Turns } from '../base/turns.ts';
import type { Change } from '../property/holder.ts';
import { element, type XmlNode } from '../xml/node.ts';
import { type AssignmentMode, DeviceAssignment } from './assignment.ts';
import { assignmentFrom, recordOf } from './assignment-record.ts';
import type { Device, Port } from './device.ts';
import type { DeviceInfo } from './device-info.ts';
import { DeviceInterface } from './device-interface.ts';
import { DeviceOptions } from './options.ts';
import type { DeviceOwner } from './owner.ts';

/** Values of `device-list:CLASS`: a handler adds the devices the domain offers, from memory. */
export interface ListRequest {
  add(device: DeviceInfo): void;
}

/** Values of `device-list-attached:CLASS`: a handler adds the devices the domain has in use. */
export interface ListAttachedRequest {
  add(device: Device, options?: DeviceOptions): void;
}

/**
 * The devices of one class and one domain: those it offers, those assigned to it (kept in the state) and those
 * attached to it (now).
 *
 * Events on the domain, CLASS being the device class (names as on Qubes 4.4):
 * - `device-list:CLASS` and `device-list-attached:CLASS` ask the class's extension;
 * - `device-pre-assign:CLASS`, `device-pre-unassign:CLASS` may refuse; `device-assign:CLASS`,
 *   `device-unassign:CLASS`, `device-assignment-changed:CLASS` follow the durable change;
 * - `device-pre-attach:CLASS`, `device-pre-detach:CLASS` may refuse; `device-attach:CLASS`, `device-detach:CLASS` make
 *   the extension do it, and their failure is the call's.
 */
export class DeviceCollection {
  readonly deviceClass: string;
  readonly #owner: DeviceOwner;
  readonly #assigned = new Map<string, DeviceAssignment>();
  /** Attaching and detaching of devices this domain offers, one at a time: no device goes to two domains at once. */
  readonly #turns = new Turns();

  constructor(owner: DeviceOwner, deviceClass: string) {
    this.#owner = owner;
    this.deviceClass = deviceClass;
  }

  // --- asking -------------------------------------------------------------------------------------------------

  /** Devices assigned to the domain, whether or not they are present. */
  assigned(): DeviceAssignment[] {
    return [...this.#assigned.values()];
  }

  /** Devices the domain offers to others now. */
  available(): DeviceInfo[] {
    const found: DeviceInfo[] = [];
    const request: ListRequest = { add: (device) => found.push(device) };
    this.#ask('device-list', { ...request });
    return found;
  }

  /** Devices the domain has in use now: by an assignment, or attached by hand (mode `manual`). */
  attached(): DeviceAssignment[] {
    const found: DeviceAssignment[] = [];
    const request: ListAttachedRequest = {
      add: (device, options = DeviceOptions.none) =>
        found.push(
          this.#assigned.get(device.key) ?? new DeviceAssignment(device, this.#owner, 'manual', options),
        ),
    };
    this.#ask('device-list-attached', { ...request });
    return found;
  }

  // --- assignments --------------------------------------------------------------------------------------------

  /**
   * Keeps an assignment. Throws DeviceAlreadyAssigned, PermissionDenied for a present device the domain denies,
   * QubesValueError for a manual assignment, and what a handler refuses with.
   */
  assign(change: Change, assignment: DeviceAssignment): void {
    const { device, options } = assignment;
    this.#mustBeOurs(assignment);
    if (assignment.mode === 'manual')
      throw new QubesValueError(
        `Cannot assign device ${device} with mode 'manual': attach it, or choose auto-attach, ask-to-attach or required`,
      );
    if (this.#assigned.has(device.key))
      throw new DeviceAlreadyAssigned(
        `${this.deviceClass} device ${device} is already assigned to ${this.#owner.name}; unassign it first`,
      );
    for (const present of offeredBy(device.port.backend, this.deviceClass))
      if (device.covers(present)) this.#mustNotBeDenied(present);
    this.#ask('device-pre-assign', { device, options });
    this.#put(change, device, assignment);
    change.onCommitted(() => this.#announce('device-assign', { device, options }));
  }

  /** Throws DeviceNotAssigned, and what a handler refuses with. */
  unassign(change: Change, device: Device): void {
    const { device: known } = this.#assignment(device);
    this.#ask('device-pre-unassign', { device: known });
    this.#put(change, known, undefined);
    change.onCommitted(() => this.#announce('device-unassign', { device: known }));
  }

  /**
   * Changes the mode of an assignment; nothing happens when it has that mode already. Throws DeviceNotAssigned,
   * QubesUnrecognizedDeviceAssignmentMode for `manual`, and what a handler refuses with.
   */
  setMode(change: Change, device: Device, mode: AssignmentMode): void {
    if (mode === 'manual')
      throw new QubesUnrecognizedDeviceAssignmentMode(
        `Cannot change the assignment of ${device} to 'manual': unassign the device instead`,
      );
    const assignment = this.#assignment(device);
    if (assignment.mode === mode) return;
    const { options, device: known } = assignment;
    this.#ask('device-pre-assign', { device: known, options });
    this.#put(change, known, assignment.withMode(mode));
    change.onCommitted(() => this.#announce('device-assignment-changed', { device: known }));
  }

  // --- attachments --------------------------------------------------------------------------------------------

  /**
   * Gives a present device to the domain, which must not be halted. Resolves when the extension has done it. Throws
   * QubesVMNotRunningError, DeviceNotFound, UnrecognizedDevice when another device is at the port,
   * DeviceAlreadyAttached, PermissionDenied for one the domain denies, and what a handler refuses or fails with.
   */
  async attach(assignment: DeviceAssignment): Promise<void> {
    this.#mustBeOurs(assignment);
    await this.#turnsOf(assignment.device.port.backend).run(async () => {
      if (this.#owner.powerState === 'Halted')
        throw new QubesVMNotRunningError(
          `Domain ${this.#owner.name} is halted: start it first, or assign the device`,
        );
      const device = this.#theOnly(assignment.device);
      this.#mustBeFree(device);
      this.#mustNotBeDenied(device);
      const values = { device, options: assignment.options };
      await this.#do('device-pre-attach', values);
      await this.#do('device-attach', values);
    });
  }

  /**
   * Takes an attached device back. Resolves when the extension has done it. Throws DeviceNotAssigned when it is not
   * attached here, QubesVMNotHaltedError when the domain runs and requires it, and what a handler refuses with.
   */
  async detach(port: Port): Promise<void> {
    await this.#turnsOf(port.backend).run(async () => {
      const device = this.#attachedAt(port);
      const needed = this.assigned().some(
        ({ required, device: wanted }) => required && wanted.covers(device),
      );
      if (needed && this.#owner.powerState !== 'Halted')
        throw new QubesVMNotHaltedError(
          `Domain ${this.#owner.name} requires device ${device}: unassign it or shut the domain down first`,
        );
      await this.#do('device-pre-detach', { port: device.port });
      await this.#do('device-detach', { port: device.port });
    });
  }

  // --- state --------------------------------------------------------------------------------------------------

  /** Present assignments as `<devices class="...">`, in a fixed order; undefined when there are none. */
  record(): XmlNode | undefined {
    if (this.#assigned.size === 0) return undefined;
    const assignments = [...this.#assigned]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, assignment]) => assignment);
    return element('devices', { class: this.deviceClass }, ...assignments.map(recordOf));
  }

  /** Reads what {@link record} wrote. Throws QubesException on a bad record. */
  restore(untrustedNode: XmlNode): void {
    for (const untrustedDevice of untrustedNode.elements('device')) {
      const assignment = assignmentFrom(untrustedDevice, this.deviceClass, this.#owner);
      const { device, mode } = assignment;
      if (mode === 'manual')
        throw new QubesValueError(`Stored assignment of device ${device} has mode 'manual'`);
      if (this.#assigned.has(device.key)) throw new QubesValueError(`Device ${device} is assigned twice`);
      this.#write(device, assignment);
    }
  }

  /** Drops all assignments without asking or announcing: the domain is leaving the system. */
  release(change: Change): void {
    for (const { device } of this.assigned()) this.#put(change, device, undefined);
  }

  #put(change: Change, device: Device, assignment: DeviceAssignment | undefined): void {
    const before = this.#assigned.get(device.key);
    this.#write(device, assignment);
    change.touch(this.#owner);
    change.onUndo(() => this.#write(device, before));
  }

  /** The only place an assignment changes; its backend knows that it is pointed at, and so cannot be removed. */
  #write(device: Device, assignment: DeviceAssignment | undefined): void {
    const reference = `device ${this.deviceClass}:${device.port.id}:${device.id}`;
    const backend = device.port.backend === this.#owner ? null : device.port.backend;
    if (assignment === undefined) {
      this.#assigned.delete(device.key);
      backend?.referrers.remove(this.#owner, reference);
    } else {
      this.#assigned.set(device.key, assignment);
      backend?.referrers.add(this.#owner, reference);
    }
  }

  // --- checks -------------------------------------------------------------------------------------------------

  #mustBeOurs({ device, frontend }: DeviceAssignment): void {
    if (device.port.deviceClass !== this.deviceClass)
      throw new ProtocolError(
        `A ${device.port.deviceClass} device where a ${this.deviceClass} device is expected`,
      );
    if (frontend !== this.#owner)
      throw new ProtocolError(
        `An assignment to ${frontend.name} where one to ${this.#owner.name} is expected`,
      );
  }

  #assignment(device: Device): DeviceAssignment {
    const found = this.#assigned.get(device.key);
    if (found?.device.equals(device)) return found;
    throw new DeviceNotAssigned(
      `${this.deviceClass} device ${device} is not assigned to ${this.#owner.name}`,
    );
  }

  #attachedAt(port: Port): Device {
    const found = this.attached().find(({ device }) => String(device.port) === String(port));
    if (found) return found.device;
    throw new DeviceNotAssigned(`${this.deviceClass} device ${port} is not attached to ${this.#owner.name}`);
  }

  /** The one present device an attachment can mean. */
  #theOnly(device: Device): DeviceInfo {
    const { backend } = device.port;
    const offered = offeredBy(backend, this.deviceClass);
    const [found, another] = offered.filter((present) => device.covers(present));
    if (another)
      throw new ProtocolError(`${device} stands for more than one ${this.deviceClass} device; name its port`);
    if (found) return found;
    const other = offered.find(({ port }) => port.id === device.port.id);
    if (other)
      throw new UnrecognizedDevice(`Expected ${this.deviceClass} device ${device}, but ${other} is there`);
    throw new DeviceNotFound(
      `No ${this.deviceClass} device ${device}${backend ? '' : ': name the domain it is of'}`,
    );
  }

  #mustBeFree(device: DeviceInfo): void {
    const here = this.attached().some(({ device: used }) => String(used.port) === String(device.port));
    const user = here ? this.#owner : device.attachment;
    if (user)
      throw new DeviceAlreadyAttached(
        `${this.deviceClass} device ${device} is already attached to ${user.name}; detach it there first`,
      );
  }

  #mustNotBeDenied(device: DeviceInfo): void {
    for (const pattern of DeviceInterface.parseAll(this.#owner.devices_denied)) {
      const denied = device.interfaces.find((offered) => pattern.matches(offered));
      if (denied)
        throw new PermissionDenied(
          `Device ${device} has interface ${denied}, which ${this.#owner.name} denies (${pattern} in devices_denied)`,
        );
    }
  }

  // --- means --------------------------------------------------------------------------------------------------

  #turnsOf(backend: DeviceOwner | null): Turns {
    return backend ? backend.devices.get(this.deviceClass).#turns : this.#turns;
  }

  #ask(event: string, values: EventArguments): void {
    this.#owner.system.events.ask(this.#owner, `${event}:${this.deviceClass}`, values);
  }

  #announce(event: string, values: EventArguments): void {
    this.#owner.system.events.announce(this.#owner, `${event}:${this.deviceClass}`, values);
  }

  #do(event: string, values: EventArguments): Promise<void> {
    return this.#owner.system.events.askAll(this.#owner, `${event}:${this.deviceClass}`, values);
  }
}

function offeredBy(backend: DeviceOwner | null, deviceClass: string): DeviceInfo[] {
  return backend?.devices.get(deviceClass).available() ?? [];
}
