import type { Qubes } from '../app/qubes.ts';
import { QubesVM } from '../vm/qubes-vm.ts';

const LIMITS = ['memory', 'maxmem', 'vcpus'] as const;

/** A running domain is held to new limits as soon as they are set, not only when it starts again. */
export function applyLimitsLive(system: Qubes): void {
  for (const property of LIMITS)
    for (const event of ['property-set', 'property-reset'])
      system.events.on(`${event}:${property}`, async (vm) => {
        if (vm instanceof QubesVM && vm.powerState === 'Running') await apply(vm);
      });
}

async function apply(vm: QubesVM): Promise<void> {
  try {
    await vm.hypervisor.setLimits(vm.uuid, { memory: vm.memory, maxmem: vm.maxmem, vcpus: vm.vcpus });
  } catch (error) {
    // One that stops meanwhile needs no limits.
    if (vm.powerState === 'Running') throw error;
  }
}
