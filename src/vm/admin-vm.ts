import { propertyTable } from '../property/descriptor.ts';
import { BaseVM } from './base-vm.ts';
import type { PowerState } from './power-state.ts';
import { admin_maxmem, properties } from './properties/admin.ts';
import { devices_denied } from './properties/behaviour.ts';

/** The host itself, `dom0`: always there, always running, never started, stopped or removed. */
export class AdminVM extends BaseVM {
  static override readonly properties = propertyTable<never>(BaseVM.properties, ...properties);

  override get powerState(): PowerState {
    return 'Running';
  }

  override get keyboard_layout(): string {
    return this.value(this.property('keyboard_layout')) as string;
  }

  override get devices_denied(): string {
    return this.value(devices_denied);
  }

  override get icon(): string {
    return 'adminvm-black';
  }

  get maxmem(): number {
    return this.value(admin_maxmem);
  }
}
