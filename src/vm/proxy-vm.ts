import { NetVM } from './net-vm.ts';
import type { QubesVM } from './qubes-vm.ts';

/**
 * Gives network to other domains and takes it from its own netvm: firewall, VPN, Tor. The newer spelling of the
 * same: an AppVM with `provides_network`.
 */
export class ProxyVM extends NetVM {
  override get mayHaveNetvm(): boolean {
    return true;
  }

  override get defaultNetvm(): QubesVM | null {
    return this.systemNetvm;
  }
}
