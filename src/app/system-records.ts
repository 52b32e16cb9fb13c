import { DispVM } from '../vm/disp-vm.ts';
import type { SystemRecords } from './interchange/system-records.ts';
import type { Qubes } from './qubes.ts';

/** The system as its records, for export. Disposables that clean up after themselves are not part of it. */
export function recordsOf(system: Qubes): SystemRecords {
  const lasting = [...system.domains].filter((vm) => !(vm instanceof DispVM && vm.auto_cleanup));
  return {
    properties: system.record(),
    labels: [...system.labels].flatMap((label) => label.record() ?? []),
    pools: system.pools.records(),
    domains: lasting.map((vm) => ({ node: vm.xml, problem: vm.broken })),
  };
}
