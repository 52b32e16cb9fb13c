/**
 * Assignments in the stored form of Qubes 4.4:
 * `<device backend-domain="dom0" id="00_14.0" mode="required" identity="*"><option name="no-strict-reset">True</option></device>`
 *
 * Older spellings are understood: `required="True"` or `"False"` in place of `mode` (4.3), neither of them for a
 * required device (4.0 to 4.2), and the identity as an option (4.3).
 */
import { printable, QubesValueError } from '../base/errors.ts';
import { element, type XmlNode } from '../xml/node.ts';
import { type AssignmentMode, checkedMode, DeviceAssignment } from './assignment.ts';
import { ANY, Device, Port } from './device.ts';
import { DeviceOptions } from './options.ts';
import type { DeviceOwner } from './owner.ts';

/** The `<device>` of an assignment. */
export function recordOf({ device, mode, options }: DeviceAssignment): XmlNode {
  return element(
    'device',
    // No attribute for "any backend": Qubes reads that, but not the `*` it writes.
    { 'backend-domain': device.port.backend?.name, id: device.port.id, mode, identity: device.id },
    ...[...options.entries()].map(([name, value]) => element('option', { name }, ...(value ? [value] : []))),
  );
}

/** Reads a `<device>`. Throws QubesException for a bad record, also when the backend does not exist. */
export function assignmentFrom(
  untrustedNode: XmlNode,
  deviceClass: string,
  frontend: DeviceOwner,
): DeviceAssignment {
  const untrustedOptions = new Map(
    untrustedNode.elements('option').map((option) => [option.attribute('name') ?? '', option.text]),
  );
  const untrustedId = untrustedOptions.get('identity') ?? (untrustedNode.attribute('identity') || ANY);
  untrustedOptions.delete('identity');
  const untrustedBackend = untrustedNode.attribute('backend-domain') || ANY;
  const backend = untrustedBackend === ANY ? null : frontend.system.domain(untrustedBackend);
  const port = new Port(backend, untrustedNode.attribute('id') ?? ANY, deviceClass);
  return new DeviceAssignment(
    new Device(port, untrustedId),
    frontend,
    modeOf(untrustedNode),
    new DeviceOptions(untrustedOptions),
  );
}

function modeOf(untrustedNode: XmlNode): AssignmentMode {
  const untrustedRequired = untrustedNode.attribute('required')?.toLowerCase();
  if (untrustedRequired === undefined) return checkedMode(untrustedNode.attribute('mode') ?? 'required');
  if (['true', 'yes', 'on', '1'].includes(untrustedRequired)) return 'required';
  if (['false', 'no', 'off', '0'].includes(untrustedRequired)) return 'auto-attach';
  throw new QubesValueError(
    `Invalid 'required' of a device: '${printable(untrustedRequired)}': True or False`,
  );
}
