import { printable, QubesValueError } from '../base/errors.ts';

const LENGTH = 7;

/**
 * What a device offers, or a pattern for that: seven characters, the first for the device class (`p` pci, `u` usb,
 * `b` block, `m` microphone, `?` unknown), then six for class, subclass and protocol as the bus numbers them. `*` in
 * a pattern stands for any one character. The coding is Qubes' (core-admin 4.4, `device_protocol`).
 */
export class DeviceInterface {
  static readonly unknown = new DeviceInterface('?******');

  readonly code: string;

  private constructor(code: string) {
    this.code = code;
  }

  /** Throws QubesValueError. */
  static parse(untrustedCode: string): DeviceInterface {
    if (!/^[a-z?*][0-9a-zA-Z*]{6}$/.test(untrustedCode))
      throw new QubesValueError(
        `Invalid device interface '${printable(untrustedCode)}': a letter for the class ('u' is usb) and six ` +
          "letters, digits or '*'",
      );
    return new DeviceInterface(untrustedCode);
  }

  /** Interfaces written one after another without separators. Throws QubesValueError. */
  static parseAll(untrustedCodes: string): DeviceInterface[] {
    if (untrustedCodes.length % LENGTH !== 0)
      throw new QubesValueError(
        `Invalid device interfaces '${printable(untrustedCodes)}': ${untrustedCodes.length} characters, ` +
          `it must be a multiple of ${LENGTH}`,
      );
    return (untrustedCodes.match(/.{7}/gs) ?? []).map((code) => DeviceInterface.parse(code));
  }

  /** Is `other` one of those this pattern stands for? */
  matches(other: DeviceInterface): boolean {
    return [...this.code].every((wanted, at) => wanted === '*' || wanted === other.code[at]);
  }

  toString(): string {
    return this.code;
  }
}

/** The canonical form of a list such as `devices_denied`: sorted, each once. Throws QubesValueError. */
export function checkedInterfaces(untrustedCodes: string): string {
  const codes = DeviceInterface.parseAll(untrustedCodes).map(String);
  return [...new Set(codes)].sort().join('');
}
