import { QubesVM } from '../vm/qubes-vm.ts';
import type { Qubes } from './qubes.ts';

/** From now on a domain that ends by itself is cleaned up after and announced. */
export function followEngines(system: Qubes): void {
  for (const hypervisor of system.hypervisors)
    hypervisor.onStopped((uuid) => {
      const vm = system.domains.find(`uuid:${uuid}`);
      if (vm instanceof QubesVM)
        vm.engineStopped().catch((error: unknown) =>
          system.log.error('could not follow the end of a domain', { domain: vm.name, error }),
        );
    });
}
