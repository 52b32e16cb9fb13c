import { printable, QubesValueError, UnexpectedDeviceProperty } from '../base/errors.ts';
import { checkedDeviceClass } from './device-class.ts';
import type { DeviceOwner } from './owner.ts';

/** Stands for "whichever" in place of a backend, a port or a device id. */
export const ANY = '*';

/** How an unknown device's interface is written in the argument of a call, where `?` and `*` may not be. */
const UNKNOWN_INTERFACE = '?******';
const UNKNOWN_IN_ARGUMENT = '_'.repeat(UNKNOWN_INTERFACE.length);

/**
 * A place a domain (the backend) offers devices at: `sys-usb:2-1`, `dom0:00_14.0`. Null for the backend means any
 * domain, {@link ANY} for the id any port. Immutable.
 */
export class Port {
  readonly backend: DeviceOwner | null;
  readonly id: string;
  readonly deviceClass: string;

  /** Throws QubesValueError when the id or the class is not one. */
  constructor(backend: DeviceOwner | null, untrustedId: string, untrustedClass: string) {
    this.backend = backend;
    this.id = checkedPortId(untrustedId);
    this.deviceClass = checkedDeviceClass(untrustedClass);
  }

  get backendName(): string {
    return this.backend?.name ?? ANY;
  }

  /** `sys-usb:2-1`, as on Qubes. */
  toString(): string {
    return `${this.backendName}:${this.id}`;
  }
}

/** Finds a domain by an untrusted name; throws when there is none. */
export type FindDomain = (untrustedName: string) => DeviceOwner;

/**
 * A device at a port: the port says where, the id which one (`8086:1e31::p0c0330`; {@link ANY} for whatever is
 * there). It need not be present. Immutable.
 */
export class Device {
  readonly port: Port;
  readonly id: string;

  /** Throws QubesValueError when the id is not one. */
  constructor(port: Port, untrustedId: string = ANY) {
    this.port = port;
    this.id = checkedDeviceId(untrustedId);
  }

  /**
   * From the argument of a call: `BACKEND+PORT` or `BACKEND+PORT+ID`, `_` for any, colons of the id written `+`
   * (Qubes 4.4). Throws QubesValueError, and what `find` throws.
   */
  static fromArgument(untrustedArgument: string, deviceClass: string, find: FindDomain): Device {
    const [untrustedBackend = '', untrustedPort, ...untrustedId] = untrustedArgument
      .replaceAll(':', '+')
      .split('+');
    if (untrustedPort === undefined)
      throw new QubesValueError(
        `Invalid device '${printable(untrustedArgument)}': it must be BACKEND+PORT or BACKEND+PORT+DEVICE`,
      );
    const backendName = anyFromArgument(untrustedBackend);
    const port = new Port(
      backendName === ANY ? null : find(backendName),
      anyFromArgument(untrustedPort),
      deviceClass,
    );
    const id = untrustedId.join(':').replaceAll(UNKNOWN_IN_ARGUMENT, UNKNOWN_INTERFACE);
    return new Device(port, anyFromArgument(id === '' ? ANY : id));
  }

  /** What {@link fromArgument} reads. */
  get argument(): string {
    const { backendName, id } = this.port;
    return [backendName, id, ...this.id.replaceAll(UNKNOWN_INTERFACE, UNKNOWN_IN_ARGUMENT).split(':')]
      .map((part) => part.replaceAll(ANY, '_'))
      .join('+');
  }

  /** Tells devices apart within a class; equal for devices that are {@link equals}. */
  get key(): string {
    return this.toString();
  }

  equals(other: Device): boolean {
    return this.port.deviceClass === other.port.deviceClass && this.key === other.key;
  }

  /** Is `present` one of those this device stands for (itself, or by {@link ANY})? */
  covers(present: Device): boolean {
    return (
      this.port.deviceClass === present.port.deviceClass &&
      [ANY, present.port.backendName].includes(this.port.backendName) &&
      [ANY, present.port.id].includes(this.port.id) &&
      [ANY, present.id].includes(this.id)
    );
  }

  /** What is sent of every device, in the protocol's order. */
  properties(): [key: string, value: string][] {
    return [
      ['device_id', this.id],
      ['port_id', this.port.id],
      ['devclass', this.port.deviceClass],
      ['backend_domain', this.port.backendName],
    ];
  }

  /**
   * The device meant by a call whose argument names this one and whose payload may say more; what it says is taken
   * out of `untrustedProperties`. Only an id that the argument leaves open may be added. Throws
   * UnexpectedDeviceProperty when the two disagree.
   */
  refinedBy(untrustedProperties: Map<string, string>): Device {
    const take = (key: string) => {
      const untrustedValue = untrustedProperties.get(key);
      untrustedProperties.delete(key);
      return untrustedValue;
    };
    const untrustedId = take('device_id');
    for (const [key, expected] of this.properties()) mustBe(key, take(key), expected);
    if (this.id !== ANY) mustBe('device_id', untrustedId, this.id);
    return untrustedId === undefined ? this : new Device(this.port, untrustedId);
  }

  /** `sys-usb:2-1:0951:1666::u080650`, as on Qubes. */
  toString(): string {
    return `${this.port}:${this.id}`;
  }
}

/** In a call, `_` is how `*` is spelled: a device of that name could not be told from any. */
function mustNotMeanAny(what: string, untrustedId: string): void {
  if (untrustedId === '_') throw new QubesValueError(`Invalid ${what} '_': in a call it stands for any`);
}

/** A port id fit to use (Qubes: `[a-zA-Z0-9._-]`), or QubesValueError. */
export function checkedPortId(untrustedId: string): string {
  mustNotMeanAny('device port', untrustedId);
  if (untrustedId !== ANY && !/^[a-zA-Z0-9._-]{1,255}$/.test(untrustedId))
    throw new QubesValueError(
      `Invalid device port '${printable(untrustedId)}': letters, digits, '.', '_' and '-' only, at most 255`,
    );
  return untrustedId;
}

/** A device id fit to use, or QubesValueError. Long enough for a serial number and the interfaces after it. */
export function checkedDeviceId(untrustedId: string): string {
  mustNotMeanAny('device id', untrustedId);
  if (!/^[\x21-\x7e]{1,1024}$/.test(untrustedId) || /['"\\`]/.test(untrustedId))
    throw new QubesValueError(
      `Invalid device id '${printable(untrustedId)}': printable ASCII without blanks, quotes and backslashes, ` +
        'at most 1024 characters',
    );
  return untrustedId;
}

function anyFromArgument(untrustedPart: string): string {
  return untrustedPart === '_' ? ANY : untrustedPart;
}

function mustBe(key: string, untrustedValue: string | undefined, expected: string): void {
  if (untrustedValue === undefined || untrustedValue === expected) return;
  throw new UnexpectedDeviceProperty(
    `Unexpected ${key} '${printable(untrustedValue)}' of a device: the call is about '${expected}'`,
  );
}
