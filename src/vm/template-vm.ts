import { propertyTable } from '../property/descriptor.ts';
import type { VolumePlan } from '../storage/domain-volumes.ts';
import * as properties from './properties/template.ts';
import { QubesVM } from './qubes-vm.ts';
import { ownPrivate, ownRoot, volatile } from './volume-plans.ts';

/** Holds a system that other domains run on. Has no network unless it is given one. */
export class TemplateVM extends QubesVM {
  static override readonly properties = propertyTable<never>(
    QubesVM.properties,
    properties.appvm_default_bootmode,
  );

  override get isTemplate(): boolean {
    return true;
  }

  /** Software of a system others trust should not come from wherever the default network leads. */
  override get defaultNetvm(): null {
    return null;
  }

  override get appvm_default_bootmode(): string {
    return this.value(properties.appvm_default_bootmode);
  }

  get volumePlans(): readonly VolumePlan[] {
    return [ownRoot, ownPrivate, volatile];
  }

  override get volumePrefix(): string {
    return `vm-templates/${this.name}`;
  }
}
