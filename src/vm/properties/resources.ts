/** How a domain is isolated, and how much of the machine it may use. */
import { QubesPropertyValueError, QubesVMNotHaltedError } from '../../base/errors.ts';
import { VIRT_MODES, type VirtMode } from '../../hypervisor/hypervisor.ts';
import { integer, refusal, text } from '../../property/descriptor.ts';
import type { QubesVM } from '../qubes-vm.ts';

/** MiB a domain starts with, and may grow to, when nothing else is said. */
const DEFAULT_MEMORY = 400;
const DEFAULT_MAXMEM = 4000;
/** A Linux guest can grow to about ten times the memory it booted with (its memory map is sized at boot). */
const MAX_GROWTH = 10;
const MAX_KERNELOPTS = 512;

export const virt_mode = text<QubesVM, VirtMode>('virt_mode', {
  doc: 'How the domain is isolated: container, pvh, hvm or pv. Taken from the template when not given.',
  default(vm) {
    if (vm.modeInUse) return vm.modeInUse;
    if (vm.devices.hasAssigned('pci')) return 'hvm';
    return vm.template?.virt_mode ?? vm.defaultVirtMode;
  },
  normalise(untrustedText) {
    const mode = VIRT_MODES.find((known) => known === untrustedText.toLowerCase());
    if (!mode) throw refusal('virt_mode', untrustedText, `it must be one of ${VIRT_MODES.join(', ')}`);
    return mode;
  },
  check(vm, mode) {
    if (vm.powerState !== 'Halted')
      throw new QubesVMNotHaltedError(
        `Cannot change virt_mode of ${vm.name} while it is ${vm.powerState}; shut it down first`,
      );
    if (vm.devices.hasAssigned('pci') && (mode === 'pvh' || mode === 'container'))
      throw refusal(
        'virt_mode',
        mode,
        'PCI devices are assigned to the domain; only hvm and pv can hold them',
      );
  },
});

export const memory = integer<QubesVM>('memory', {
  doc: 'Memory the domain starts with, in MiB. Taken from the template when not given.',
  min: 1,
  max: 16_777_216,
  default: (vm) => vm.template?.memory ?? DEFAULT_MEMORY,
});

export const maxmem = integer<QubesVM>('maxmem', {
  doc: 'Most memory the domain may grow to, in MiB; 0: no more than `memory`. Taken from the template when not given.',
  max: 16_777_216,
  default(vm) {
    if (vm.devices.hasAssigned('pci')) return 0;
    if (vm.template) return vm.template.maxmem;
    const growth = vm.features.get('os') === 'Linux' ? vm.memory * MAX_GROWTH : DEFAULT_MAXMEM;
    return Math.min(growth, Math.floor(vm.system.host.memory / 2));
  },
});

export const stubdom_mem = integer<QubesVM, number | null>('stubdom_mem', {
  doc: "Memory of the domain's device model, in MiB, where it runs in a domain of its own.",
  min: 1,
  default: () => null,
});

export const vcpus = integer<QubesVM>('vcpus', {
  doc: 'Number of processors the domain may keep busy. Taken from the template when not given.',
  min: 1,
  max: 1024,
  default: (vm) => vm.template?.vcpus ?? 2,
});

export const kernel = text<QubesVM>('kernel', {
  doc: 'Version of the kernel a virtual machine boots; empty: the one in its own system. Taken from the template when not given.',
  default: (vm) => vm.template?.kernel ?? vm.system.default_kernel ?? '',
  normalise(untrustedText) {
    if (untrustedText === 'None') return '';
    if (!/^[a-zA-Z0-9_.+~-]*$/.test(untrustedText) || untrustedText.startsWith('.'))
      throw refusal('kernel', untrustedText, "a kernel's name holds letters, digits and '_.+~-' only");
    return untrustedText;
  },
});

export const kernelopts = text<QubesVM>('kernelopts', {
  doc: 'Command line of the kernel a virtual machine boots. Taken from the template when not given.',
  default(vm) {
    if (!vm.kernel) return '';
    return vm.template && !vm.devices.hasAssigned('pci') ? vm.template.kernelopts : 'swiotlb=2048';
  },
  normalise(untrustedText) {
    if (!/^[\x20-\x7e]*$/.test(untrustedText))
      throw refusal('kernelopts', untrustedText, 'printable ASCII only');
    if (untrustedText.length > MAX_KERNELOPTS)
      throw refusal('kernelopts', untrustedText, `it is longer than ${MAX_KERNELOPTS} characters`);
    return untrustedText;
  },
});

export const bootmode = text<QubesVM>('bootmode', {
  doc: 'Which of the boot modes its system offers (features `boot-mode.kernelopts.*`) the domain boots in.',
  default(vm) {
    const offered = (mode: string | undefined): mode is string =>
      mode === 'default' || vm.features.withTemplate(`boot-mode.kernelopts.${mode}`) !== undefined;
    const own = vm.features.get('boot-mode.active');
    if (offered(own)) return own;
    const inherited = vm.template?.appvm_default_bootmode;
    return offered(inherited) ? inherited : 'default';
  },
});

/** Refuses a value because of what else the domain is set to. */
export function conflict(message: string): QubesPropertyValueError {
  return new QubesPropertyValueError(message);
}
