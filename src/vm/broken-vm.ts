import type { VolumePlan } from '../storage/domain-volumes.ts';
import type { XmlNode } from '../xml/node.ts';
import { QubesVM } from './qubes-vm.ts';
import type { System } from './system.ts';

/**
 * Stands in for a domain whose record does not even say what it is. It is shown, says why, and can be removed; its
 * record is kept as it was found until then.
 */
export class BrokenVM extends QubesVM {
  readonly #klass: string;

  constructor(system: System, why: string, untrustedAsFound: XmlNode | null) {
    super(system);
    this.#klass = untrustedAsFound?.attribute('class') ?? 'BrokenVM';
    this.markBroken(why, untrustedAsFound);
  }

  /** The class the record names. */
  override get klass(): string {
    return this.#klass;
  }

  get volumePlans(): readonly VolumePlan[] {
    return [];
  }
}
