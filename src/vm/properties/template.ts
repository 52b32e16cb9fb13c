/** Whose system a domain runs on, and what may be made from it. */
import { QubesPropertyValueError, QubesVMInUseError, QubesVMNotHaltedError } from '../../base/errors.ts';
import { boolean, integer, reference, text } from '../../property/descriptor.ts';
import type { AppVM } from '../app-vm.ts';
import type { BaseVM } from '../base-vm.ts';
import type { DispVM } from '../disp-vm.ts';
import type { QubesVM } from '../qubes-vm.ts';
import type { TemplateVM } from '../template-vm.ts';
import { conflict } from './resources.ts';

export const template = reference<AppVM, BaseVM>('template', 'vm', {
  doc: 'Template on whose system the domain runs.',
  resolve: (vm, untrustedName) => vm.system.domain(untrustedName),
  check(vm, value) {
    mustBeHalted(vm, 'template');
    if (!value?.isTemplate)
      throw new QubesPropertyValueError(
        `Invalid value for property 'template': '${value?.name ?? ''}': it must name a TemplateVM`,
      );
  },
});

/** A NetVM, ProxyVM or HVM may hold its own system instead. */
export const optional_template = { ...template, default: () => null } as typeof template;

export const template_for_dispvms = boolean<AppVM>('template_for_dispvms', {
  doc: 'Disposables may be made from this domain.',
  default: () => false,
  check(vm, value) {
    const made = value ? [] : vm.referrers.by('template');
    if (made.length > 0)
      throw new QubesVMInUseError(
        `Disposables made from ${vm.name} still exist (${made.map((holder) => holder.description).join(', ')}); remove them first`,
      );
  },
});

export const disposable_template = reference<DispVM, BaseVM>('template', 'vm', {
  doc: 'Disposable template the domain was made from.',
  resolve: (vm, untrustedName) => vm.system.domain(untrustedName),
  check(vm, value) {
    mustBeHalted(vm, 'template');
    if (!value?.makesDisposables)
      throw conflict(
        `Invalid value for property 'template': '${value?.name ?? ''}': it must name a domain with template_for_dispvms`,
      );
  },
});

export const dispid = integer<DispVM>('dispid', {
  doc: 'Number of the disposable; its addresses follow from it.',
  settable: 'once',
  min: 1,
  max: 10_000,
});

export const auto_cleanup = boolean<DispVM>('auto_cleanup', {
  doc: 'Remove the domain when it has stopped.',
  default: () => false,
});

export const is_preload = boolean<DispVM>('is_preload', {
  doc: 'The disposable was started ahead of need and nobody has been given it yet.',
  settable: 'never',
  default: (vm) => vm.template?.features.get('preload-dispvm')?.split(' ').includes(vm.name) ?? false,
});

export const appvm_default_bootmode = text<TemplateVM>('appvm_default_bootmode', {
  doc: 'Boot mode of domains that are based on this template and choose none themselves.',
  default: (vm) => vm.features.get('boot-mode.appvm-default') ?? 'default',
});

function mustBeHalted(vm: QubesVM, property: string): void {
  if (vm.powerState !== 'Halted')
    throw new QubesVMNotHaltedError(
      `Cannot change ${property} of ${vm.name} while it is ${vm.powerState}; shut it down first`,
    );
}
