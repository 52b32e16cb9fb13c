/** What a domain does, when, and with whose help. */
import { QubesPropertyValueError } from '../../base/errors.ts';
import { checkedInterfaces } from '../../devices/device-interface.ts';
import { boolean, integer, reference, refusal, text } from '../../property/descriptor.ts';
import type { BaseVM } from '../base-vm.ts';
import type { QubesVM } from '../qubes-vm.ts';

export const default_user = text<QubesVM>('default_user', {
  doc: 'Account that programs run as in the domain. Taken from the template when not given.',
  default: (vm) => vm.template?.default_user ?? 'user',
  normalise(untrustedText) {
    if (!/^[a-zA-Z0-9_+,.-]{1,32}$/.test(untrustedText) || untrustedText.startsWith('-'))
      throw refusal('default_user', untrustedText, "1 to 32 letters, digits and '_-+,.' only");
    return untrustedText;
  },
});

export const qrexec_timeout = integer<QubesVM>('qrexec_timeout', {
  doc: 'Seconds within which the domain must be ready to run commands after it was started.',
  min: 1,
  max: 86_400,
  default: (vm) => vm.template?.qrexec_timeout ?? vm.system.default_qrexec_timeout,
});

export const shutdown_timeout = integer<QubesVM>('shutdown_timeout', {
  doc: 'Seconds the domain is given to shut down before it counts as failed and may be killed.',
  min: 1,
  max: 86_400,
  default: (vm) => vm.template?.shutdown_timeout ?? vm.system.default_shutdown_timeout,
});

export const autostart = boolean<QubesVM>('autostart', {
  doc: 'Start the domain when the system starts.',
  default: () => false,
});

export const debug = boolean<QubesVM>('debug', {
  doc: 'Start the domain with what helps to find faults in it.',
  default: () => false,
});

export const installed_by_rpm = boolean<QubesVM>('installed_by_rpm', {
  doc: "The domain's image belongs to a package manager, which should be the one to remove it.",
  default: () => false,
});

export const include_in_backups = boolean<QubesVM>('include_in_backups', {
  doc: 'Back the domain up when no domains are named.',
  default: (vm) => vm.worthBackingUp,
});

export const backup_timestamp = integer<QubesVM, number | null>('backup_timestamp', {
  doc: 'When the domain was last backed up, in seconds since 1970.',
  default: () => null,
});

export const updateable = boolean<BaseVM>('updateable', {
  doc: 'Updates can be installed in this domain itself (it holds its own system).',
  settable: 'never',
  default: (vm) => vm.template === null,
});

export const guivm = reference<QubesVM, BaseVM>('guivm', 'vm', {
  doc: "Domain that shows this one's windows.",
  optional: true,
  default: (vm) => vm.system.default_guivm,
  resolve: (vm, untrustedName) => vm.system.domain(untrustedName),
});

export const audiovm = reference<QubesVM, BaseVM>('audiovm', 'vm', {
  doc: "Domain that plays this one's sound.",
  optional: true,
  default: (vm) => vm.system.default_audiovm,
  resolve: (vm, untrustedName) => vm.system.domain(untrustedName),
});

export const default_dispvm = reference<BaseVM, BaseVM>('default_dispvm', 'vm', {
  doc: 'Disposable template used when a program in this domain asks for a disposable.',
  optional: true,
  default: (vm) => vm.defaultDispvm,
  resolve: (vm, untrustedName) => vm.system.domain(untrustedName),
  check: (_vm, value) => mustBeDisposableTemplate('default_dispvm', value),
});

export const management_dispvm = reference<QubesVM, BaseVM>('management_dispvm', 'vm', {
  doc: 'Disposable template used to manage this domain. Taken from the template when not given.',
  optional: true,
  default: (vm) => vm.template?.management_dispvm ?? vm.system.management_dispvm,
  resolve: (vm, untrustedName) => vm.system.domain(untrustedName),
  check: (_vm, value) => mustBeDisposableTemplate('management_dispvm', value),
});

export const devices_denied = text<BaseVM>('devices_denied', {
  doc: 'Device interfaces that may never be given to the domain: seven characters each, `b******` for all block devices.',
  default: () => '',
  normalise(untrustedText) {
    if (!/^([bump*][0-9a-f*]{6})*$/.test(untrustedText))
      throw refusal(
        'devices_denied',
        untrustedText,
        'it must be codes of seven characters: one of b, u, m, p or *, then six hexadecimal digits or *',
      );
    return checkedInterfaces(untrustedText);
  },
});

export const keyboard_layout = text<BaseVM>('keyboard_layout', {
  doc: 'Keyboard layout, variant and options, separated by +, as in `us++` or `de+nodeadkeys+`.',
  default: (vm) => vm.keyboardOwner?.keyboard_layout ?? 'us++',
  normalise(untrustedText) {
    if (!/^[a-zA-Z]+\+[a-zA-Z0-9_-]*\+[a-zA-Z0-9_:,-]*$/.test(untrustedText))
      throw refusal('keyboard_layout', untrustedText, 'it must be LAYOUT+VARIANT+OPTIONS, such as us++');
    return untrustedText;
  },
});

/** Only an AppVM with `template_for_dispvms` makes disposables. */
export function mustBeDisposableTemplate(property: string, value: BaseVM | null): void {
  if (value && !value.makesDisposables)
    throw new QubesPropertyValueError(
      `Invalid value for property '${property}': '${value.name}': its template_for_dispvms is False; ` +
        `set it with: qvm-prefs ${value.name} template_for_dispvms True`,
    );
}
