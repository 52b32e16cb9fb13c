/** Properties of the AdminVM: fewer than other domains have, and its identity is fixed. */
import { boolean, integer } from '../../property/descriptor.ts';
import type { AdminVM } from '../admin-vm.ts';
import { default_dispvm, devices_denied, keyboard_layout, updateable } from './behaviour.ts';
import { label } from './identity.ts';

export const ADMIN_NAME = 'dom0';
export const ADMIN_UUID = '00000000-0000-0000-0000-000000000000';

export const admin_maxmem = integer<AdminVM>('maxmem', {
  doc: 'Memory of the host, in MiB.',
  settable: 'never',
  default: (vm) => vm.system.host.memory,
});

const include_in_backups = boolean<AdminVM>('include_in_backups', {
  doc: "Back up the host's own settings when no domains are named.",
  default: () => true,
});

const admin_label = { ...label, settable: 'never' } as typeof label;

export const properties = [
  admin_label,
  admin_maxmem,
  include_in_backups,
  updateable,
  default_dispvm,
  devices_denied,
  keyboard_layout,
];
