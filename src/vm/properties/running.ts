/** What can be known only of a domain that runs. All computed. */
import { integer, text } from '../../property/descriptor.ts';
import type { QubesVM } from '../qubes-vm.ts';

const computed = { settable: 'never' } as const;

/** Qubes' clients take -1 for: not running. */
const NONE = -1;

export const xid = integer<QubesVM>('xid', {
  ...computed,
  doc: "The hypervisor's number of the running domain; -1 when it does not run or has none.",
  default: (vm) => vm.engineNumber ?? NONE,
});

export const stubdom_xid = integer<QubesVM>('stubdom_xid', {
  ...computed,
  doc: "The hypervisor's number of the domain's device model, where that runs in a domain of its own; -1: none.",
  default: () => NONE,
});

export const stubdom_uuid = text<QubesVM>('stubdom_uuid', {
  ...computed,
  doc: "UUID of the domain's device model, where that runs in a domain of its own.",
  default: () => '',
});

export const start_time = text<QubesVM, string | null>('start_time', {
  ...computed,
  doc: 'When the domain was started, in seconds since 1970.',
  default: (vm) => (vm.startTime === null ? null : (vm.startTime.getTime() / 1000).toFixed(3)),
});
