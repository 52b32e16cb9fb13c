import { propertyTable } from '../property/descriptor.ts';
import type { VolumePlan } from '../storage/domain-volumes.ts';
import { AppVM } from './app-vm.ts';
import * as properties from './properties/template.ts';
import type { QubesVM } from './qubes-vm.ts';
import { ownPrivate, ownRoot, volatile } from './volume-plans.ts';

/**
 * Gives network to other domains and has none above it. Runs on a template like an AppVM, or, without one, on a
 * system of its own. The newer spelling of the same: an AppVM with `provides_network` and no `netvm`.
 */
export class NetVM extends AppVM {
  static override readonly properties = propertyTable<never>(AppVM.properties, properties.optional_template);

  override get defaultNetvm(): QubesVM | null {
    return null;
  }

  override get mayHaveNetvm(): boolean {
    return false;
  }

  override get providesNetworkByClass(): boolean {
    return true;
  }

  override get volumePlans(): readonly VolumePlan[] {
    return this.template ? super.volumePlans : [ownRoot, ownPrivate, volatile];
  }

  protected override mustHaveTemplate(): void {
    if (this.template) super.mustHaveTemplate();
  }
}
