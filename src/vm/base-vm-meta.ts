import { printable, QubesValueError } from '../base/errors.ts';
import type { BaseVM } from './base-vm.ts';
import type { System } from './system.ts';

/** A class of domains that can be made. */
export type DomainClass = new (system: System) => BaseVM;

/**
 * The registry of domain classes: which names there are, and the class behind each. Core classes register
 * themselves in `vm/classes.ts`; a plugin may register more before the system is loaded.
 */
// biome-ignore lint/complexity/noStaticOnlyClass: the name is part of the model; it is the registry all classes share
export class BaseVMMeta {
  static readonly #classes = new Map<string, DomainClass>();

  /** Throws RangeError when the name is taken. */
  static register(name: string, domainClass: DomainClass): void {
    if (BaseVMMeta.#classes.has(name)) throw new RangeError(`domain class '${name}' is registered twice`);
    BaseVMMeta.#classes.set(name, domainClass);
  }

  /** The class of that name. Throws QubesValueError. */
  static get(untrustedName: string): DomainClass {
    const found = BaseVMMeta.#classes.get(untrustedName);
    if (!found)
      throw new QubesValueError(
        `No such domain class: '${printable(untrustedName)}'; there are ${BaseVMMeta.names().join(', ')}`,
      );
    return found;
  }

  /** In alphabetical order. */
  static names(): string[] {
    return [...BaseVMMeta.#classes.keys()].sort();
  }
}
