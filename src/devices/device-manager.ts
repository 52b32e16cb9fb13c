import { QubesValueError } from '../base/errors.ts';
import type { Change } from '../property/holder.ts';
import type { XmlNode } from '../xml/node.ts';
import { checkedDeviceClass } from './device-class.ts';
import { DeviceCollection } from './device-collection.ts';
import type { DeviceOwner } from './owner.ts';

/** All devices of one domain: a {@link DeviceCollection} a class, made when first used. */
export class DeviceManager {
  readonly #owner: DeviceOwner;
  readonly #collections = new Map<string, DeviceCollection>();

  constructor(owner: DeviceOwner) {
    this.#owner = owner;
  }

  /** The devices of that class. Throws QubesValueError when it is no class name. */
  get(untrustedClass: string): DeviceCollection {
    const known = this.#collections.get(untrustedClass);
    if (known) return known;
    const deviceClass = checkedDeviceClass(untrustedClass);
    const made = new DeviceCollection(this.#owner, deviceClass);
    this.#collections.set(deviceClass, made);
    return made;
  }

  /** Is any device of that class assigned to the domain? */
  hasAssigned(deviceClass: string): boolean {
    return (this.#collections.get(deviceClass)?.assigned().length ?? 0) > 0;
  }

  /** Collections in use, by class name in alphabetical order. */
  collections(): DeviceCollection[] {
    return [...this.#collections].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, collection]) => collection);
  }

  /** All assignments, one `<devices class="...">` a class that has any. */
  record(): XmlNode[] {
    return this.collections()
      .map((collection) => collection.record())
      .filter((node) => node !== undefined);
  }

  /** Reads what {@link record} wrote. Throws QubesException on a bad record. */
  restore(untrustedNodes: readonly XmlNode[]): void {
    for (const untrustedNode of untrustedNodes) {
      const untrustedClass = untrustedNode.attribute('class');
      if (untrustedClass === undefined) throw new QubesValueError('Stored devices have no class');
      this.get(untrustedClass).restore(untrustedNode);
    }
  }

  /** Drops all assignments, and so every reference to their backends: the domain is leaving the system. */
  release(change: Change): void {
    for (const collection of this.#collections.values()) collection.release(change);
  }
}
