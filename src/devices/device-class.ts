import { printable, QubesValueError } from '../base/errors.ts';

const registered = new Set(['block', 'mic', 'pci', 'usb']);

/**
 * Adds a class (bus) to those of Qubes, for a plugin. Throws QubesValueError when it is no name for one, RangeError
 * when the name is taken.
 */
export function registerDeviceClass(name: string): void {
  checkedDeviceClass(name);
  if (registered.has(name)) throw new RangeError(`device class '${name}' is registered twice`);
  registered.add(name);
}

/** The device classes there are, in alphabetical order. */
export function deviceClasses(): string[] {
  return [...registered].sort();
}

/**
 * A well-formed class name, whether or not somebody registered it: a stored assignment outlives the plugin that
 * knows its class. Throws QubesValueError.
 */
export function checkedDeviceClass(untrustedName: string): string {
  if (!/^[a-z][a-z0-9_-]{0,31}$/.test(untrustedName))
    throw new QubesValueError(
      `Invalid device class '${printable(untrustedName)}': small letters, digits, '_' and '-', at most 32`,
    );
  return untrustedName;
}
