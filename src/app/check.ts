import { messageOf } from '../base/errors.ts';
import { QubesVM } from '../vm/qubes-vm.ts';
import type { Qubes } from './qubes.ts';

/** One thing that is wrong, for people. */
export interface Problem {
  /** The domain it is about, or what else. */
  readonly about: string;
  readonly problem: string;
}

/** Looks for what is wrong with the system as it is now: broken records, volumes without owner or owners without volume. */
export async function checkSystem(system: Qubes): Promise<Problem[]> {
  return [...brokenDomains(system), ...unfinishedOperations(system), ...(await volumeProblems(system))];
}

function brokenDomains(system: Qubes): Problem[] {
  return [...system.domains].flatMap((vm) =>
    vm.broken ? [{ about: vm.name, problem: `broken record: ${vm.broken}` }] : [],
  );
}

function unfinishedOperations(system: Qubes): Problem[] {
  return system.operations.unfinished
    .filter(({ kind, uuid }) => !(kind === 'run' && isStarted(system, uuid)))
    .map(({ kind, name }) => ({
      about: name,
      problem: `an operation (${kind}) was begun and not finished; restart the daemon to settle it`,
    }));
}

function isStarted(system: Qubes, uuid: string): boolean {
  return [...system.started].some((vm) => vm.uuid === uuid);
}

/** What is in the pools against what the domains say is there. */
async function volumeProblems(system: Qubes): Promise<Problem[]> {
  const found = new Set<string>();
  const unusable = new Set<string>();
  const problems: Problem[] = [];
  for (const pool of system.pools) {
    try {
      for (const vid of await pool.list()) found.add(`${pool.name}:${vid}`);
    } catch (error) {
      unusable.add(pool.name);
      problems.push({ about: `pool ${pool.name}`, problem: messageOf(error) });
    }
  }
  const owned = new Set<string>();
  for (const vm of system.domains) {
    if (!(vm instanceof QubesVM)) continue;
    for (const name of vm.volumes.names)
      owned.add(`${vm.volumes.poolName(name)}:${vm.volumes.config(name).vid}`);
    for (const { pool, vid } of vm.volumes.keptPlaces)
      if (!unusable.has(pool) && !found.has(`${pool}:${vid}`))
        problems.push({ about: vm.name, problem: `its volume ${pool}:${vid} does not exist` });
  }
  for (const place of found)
    if (!owned.has(place)) problems.push({ about: place, problem: 'this volume belongs to no domain' });
  return problems;
}
