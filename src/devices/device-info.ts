import { Device, type Port } from './device.ts';
import { DeviceInterface } from './device-interface.ts';
import type { DeviceOwner } from './owner.ts';
import { pack } from './wire.ts';

/** What is known of a device that is present. All text comes from the device or its backend: untrusted. */
export interface Details {
  readonly vendor?: string;
  readonly product?: string;
  readonly manufacturer?: string;
  readonly name?: string;
  readonly serial?: string;
  readonly interfaces?: readonly DeviceInterface[];
  /** The device this one is a part of, as a partition is of a disk. */
  readonly parent?: Port;
  /** The domain it is attached to. */
  readonly attachment?: DeviceOwner | null;
  /** More that its class has to say. */
  readonly data?: Readonly<Record<string, string>>;
}

const DESCRIPTIONS = ['vendor', 'product', 'manufacturer', 'name', 'serial'] as const;

/** The longest description kept of a device, in characters. */
const MAX_DESCRIPTION = 255;

/** A device that is present, made by the extension of its class in answer to `device-list:CLASS`. Immutable. */
export class DeviceInfo extends Device {
  readonly interfaces: readonly DeviceInterface[];
  readonly parent: Port | null;
  readonly attachment: DeviceOwner | null;
  readonly #descriptions: ReadonlyMap<string, string>;
  readonly #data: ReadonlyMap<string, string>;

  /** Descriptions are cleaned of what is not printable ASCII. Throws QubesValueError for a bad id. */
  constructor(port: Port, untrustedId: string, details: Details = {}) {
    super(port, untrustedId);
    this.interfaces = details.interfaces?.length ? details.interfaces : [DeviceInterface.unknown];
    this.parent = details.parent ?? null;
    this.attachment = details.attachment ?? null;
    this.#descriptions = new Map(
      DESCRIPTIONS.map((key) => [key, cleaned(details[key] ?? '')] as const).filter(
        ([, value]) => value !== '',
      ),
    );
    this.#data = new Map(Object.entries(details.data ?? {}).map(([key, value]) => [key, cleaned(value)]));
  }

  get vendor(): string {
    return this.#description('vendor');
  }

  get product(): string {
    return this.#description('product');
  }

  get manufacturer(): string {
    return this.#description('manufacturer');
  }

  get name(): string {
    return this.#description('name');
  }

  get serial(): string {
    return this.#description('serial');
  }

  /** As sent by `admin.vm.device.CLASS.Available`; descriptions that are not known are left out. */
  serialise(): string {
    return pack([
      ...this.properties(),
      ...this.#descriptions,
      ...(this.attachment ? [['attachment', this.attachment.name] as const] : []),
      ['interfaces', this.interfaces.join('')],
      ...(this.parent
        ? ([
            ['parent_port_id', this.parent.id],
            ['parent_devclass', this.parent.deviceClass],
          ] as const)
        : []),
      ...[...this.#data].map(([key, value]) => [`_${key}`, value] as const),
    ]);
  }

  #description(key: (typeof DESCRIPTIONS)[number]): string {
    return this.#descriptions.get(key) ?? 'unknown';
  }
}

/** A device can call itself anything; what cannot travel becomes `_`. */
function cleaned(untrustedText: string): string {
  return untrustedText.slice(0, MAX_DESCRIPTION).replace(/[^\x20-\x7e]|\\$/g, '_');
}
