/** What tells one domain from another. */
import { QubesVMInvalidUUIDError } from '../../base/errors.ts';
import { MAX_QID } from '../../hypervisor/id-range.ts';
import { integer, propertyTable, reference, text } from '../../property/descriptor.ts';
import type { BaseVM } from '../base-vm.ts';
import type { Label } from '../label.ts';
import { checkedName } from '../name.ts';

export const uuid = text<BaseVM>('uuid', {
  doc: 'Identity of the domain; stays the same for as long as it exists.',
  settable: 'once',
  normalise: checkedUUID,
});

export const qid = integer<BaseVM>('qid', {
  doc: 'Number of the domain; its addresses and its range of user ids follow from it.',
  settable: 'once',
  max: MAX_QID,
});

export const name = text<BaseVM>('name', {
  doc: 'Name of the domain. To rename one, clone it and remove the old one.',
  settable: 'once',
  normalise: checkedName,
});

export const label = reference<BaseVM, Label, Label>('label', 'label', {
  doc: 'Colour by which people tell how far they trust the domain.',
  resolve: (vm, untrustedName) => vm.system.label(untrustedName),
});

export const klass = text<BaseVM>('klass', {
  doc: 'Class of the domain.',
  settable: 'never',
  default: (vm) => vm.klass,
});

export const icon = text<BaseVM>('icon', {
  doc: 'Name of the icon to show for the domain (freedesktop icon naming).',
  settable: 'never',
  default: (vm) => vm.icon,
});

export const NAMES: ReadonlySet<string> = new Set(['uuid', 'qid', 'name', 'label']);

export const properties = propertyTable<BaseVM>(new Map(), uuid, qid, name, label, klass, icon);

const ICON_KINDS = new Map([
  ['TemplateVM', 'templatevm'],
  ['DispVM', 'dispvm'],
  ['StandaloneVM', 'standalonevm'],
  ['HVM', 'standalonevm'],
  ['RemoteVM', 'remotevm'],
]);

/** The icon of a domain whose class has no other idea. */
export function iconOf(vm: BaseVM): string {
  return `${iconKind(vm)}-${vm.label.name}`;
}

function iconKind(vm: BaseVM): string {
  if (vm.klass !== 'TemplateVM' && vm.features.isOn('servicevm')) return 'servicevm';
  return ICON_KINDS.get(vm.klass) ?? 'appvm';
}

/** A UUID in lower case with hyphens, or QubesVMInvalidUUIDError. */
export function checkedUUID(untrustedUUID: string): string {
  const uuid = untrustedUUID.toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid))
    throw new QubesVMInvalidUUIDError(untrustedUUID);
  return uuid;
}
