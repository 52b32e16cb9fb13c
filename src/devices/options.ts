import { ProtocolError, printable } from '../base/errors.ts';
import { checkedKey, checkedValue } from './wire.ts';

/** How a device is to be attached (`read-only`, `frontend-dev`, ...); what is understood depends on its class. */
export class DeviceOptions {
  static readonly none = new DeviceOptions([]);

  readonly #values: ReadonlyMap<string, string>;

  /** Throws ProtocolError when a name or value cannot travel on the wire. */
  constructor(untrustedEntries: Iterable<readonly [string, string]>) {
    const values = new Map<string, string>();
    for (const [untrustedName, untrustedValue] of untrustedEntries) {
      const name = checkedKey(untrustedName);
      if (values.has(name)) throw new ProtocolError(`Device option '${printable(name)}' is given twice`);
      values.set(name, checkedValue(untrustedValue));
    }
    this.#values = values;
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  entries(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }

  /** `{'read-only': 'True'}`: as event listeners see it, in the notation Qubes uses there. */
  toString(): string {
    const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`;
    return `{${[...this.#values].map(([name, value]) => `${quoted(name)}: ${quoted(value)}`).join(', ')}}`;
  }
}
