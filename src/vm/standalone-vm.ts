import type { VolumePlan } from '../storage/domain-volumes.ts';
import { QubesVM } from './qubes-vm.ts';
import { ownPrivate, ownRoot, volatile } from './volume-plans.ts';

/** Has a system of its own, shared with nobody. */
export class StandaloneVM extends QubesVM {
  get volumePlans(): readonly VolumePlan[] {
    return [ownRoot, ownPrivate, volatile];
  }
}
