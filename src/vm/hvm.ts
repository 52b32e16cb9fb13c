import type { VirtMode } from '../hypervisor/hypervisor.ts';
import { StandaloneVM } from './standalone-vm.ts';

/** A full machine of its own: boots any system from its own disk or from an ISO. */
export class HVM extends StandaloneVM {
  override get defaultVirtMode(): VirtMode {
    return 'hvm';
  }
}
