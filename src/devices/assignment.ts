import {
  ProtocolError,
  printable,
  QubesUnrecognizedDeviceAssignmentMode,
  UnexpectedDeviceProperty,
} from '../base/errors.ts';
import type { Device } from './device.ts';
import { DeviceOptions } from './options.ts';
import type { DeviceOwner } from './owner.ts';
import { pack, unpack } from './wire.ts';

/** When a device goes to the domain, in the words of the wire and of the stored form (Qubes 4.4). */
export const ASSIGNMENT_MODES = ['manual', 'ask-to-attach', 'auto-attach', 'required'] as const;

/**
 * - `manual`: only when asked for; never stored.
 * - `ask-to-attach`: when it appears, if the user agrees.
 * - `auto-attach`: when it appears.
 * - `required`: the domain does not start without it.
 */
export type AssignmentMode = (typeof ASSIGNMENT_MODES)[number];

/** What ties a device to the domain that uses it (the frontend). Immutable. */
export class DeviceAssignment {
  readonly device: Device;
  readonly frontend: DeviceOwner;
  readonly mode: AssignmentMode;
  readonly options: DeviceOptions;

  constructor(
    device: Device,
    frontend: DeviceOwner,
    mode: AssignmentMode = 'manual',
    options: DeviceOptions = DeviceOptions.none,
  ) {
    this.device = device;
    this.frontend = frontend;
    this.mode = mode;
    this.options = options;
  }

  /**
   * From the payload of a call about `device` to `frontend`; an empty one means a manual attachment without options.
   * Throws ProtocolError for what is not an assignment, UnexpectedDeviceProperty for one of another device or domain.
   */
  static parse(untrustedText: string, device: Device, frontend: DeviceOwner): DeviceAssignment {
    const { properties, options } = unpack(untrustedText);
    const refined = device.refinedBy(properties);
    const {
      mode: untrustedMode = 'manual',
      frontend_domain: untrustedFrontend = frontend.name,
      ...unknown
    } = Object.fromEntries(properties);
    const [stray] = Object.keys(unknown);
    if (stray !== undefined)
      throw new ProtocolError(`Unknown property '${printable(stray)}' of a device assignment`);
    if (untrustedFrontend !== frontend.name)
      throw new UnexpectedDeviceProperty(
        `Unexpected frontend_domain '${printable(untrustedFrontend)}': the call is about '${frontend.name}'`,
      );
    return new DeviceAssignment(refined, frontend, checkedMode(untrustedMode), new DeviceOptions(options));
  }

  /** The same with another mode. */
  withMode(mode: AssignmentMode): DeviceAssignment {
    return new DeviceAssignment(this.device, this.frontend, mode, this.options);
  }

  get required(): boolean {
    return this.mode === 'required';
  }

  /** As sent by `admin.vm.device.CLASS.Assigned` and `Attached`. */
  serialise(): string {
    return pack([
      ...this.device.properties(),
      ['mode', this.mode],
      ['frontend_domain', this.frontend.name],
      ...[...this.options.entries()].map(([name, value]) => [`_${name}`, value] as const),
    ]);
  }
}

/** An assignment mode, or QubesUnrecognizedDeviceAssignmentMode. */
export function checkedMode(untrustedMode: string): AssignmentMode {
  const found = ASSIGNMENT_MODES.find((mode) => mode === untrustedMode);
  if (found === undefined)
    throw new QubesUnrecognizedDeviceAssignmentMode(
      `Invalid assignment mode '${printable(untrustedMode)}': it must be one of ${ASSIGNMENT_MODES.join(', ')}`,
    );
  return found;
}
