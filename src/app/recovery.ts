import { messageOf } from '../base/errors.ts';
import { DispVM } from '../vm/disp-vm.ts';
import { QubesVM } from '../vm/qubes-vm.ts';
import type { Operation } from './journal.ts';
import type { Qubes } from './qubes.ts';

/**
 * Goes through what earlier runs of the daemon left: domains that still run are taken over, everything else that
 * was begun is finished or undone. One domain's trouble does not keep the others from being dealt with.
 */
export async function recover(system: Qubes): Promise<void> {
  const unfinished = system.operations.unfinished;
  // Nobody else is to have the range of ids of what may still be there.
  const ownerless = unfinished.filter(({ qid }) => system.domains.isQidFree(qid));
  for (const { qid } of ownerless) system.domains.holdQid(qid);
  await Promise.all(
    unfinished.map(async (operation) => {
      try {
        await settle(system, operation);
        if (ownerless.includes(operation)) system.domains.releaseQid(operation.qid);
      } catch (error) {
        system.log.error('could not settle an unfinished operation; it is tried again at the next start', {
          domain: operation.name,
          operation: operation.kind,
          error,
        });
      }
    }),
  );
  await removeStrayDisposables(system);
}

/** A disposable with this tag was made for one command of one client, and goes when they do. */
export const ONE_COMMAND_TAG = 'disp-for-one-command';

/** Starts what is to start with the system, each in its own time. */
export function autostart(system: Qubes): void {
  for (const vm of system.domains)
    if (vm instanceof QubesVM && vm.autostart && !vm.isStarted)
      vm.start().catch((error: unknown) =>
        system.log.error('autostart failed', { domain: vm.name, error: messageOf(error) }),
      );
}

async function settle(system: Qubes, operation: Operation): Promise<void> {
  if (operation.kind === 'run') return settleRun(system, operation);
  const vm = system.domains.find(`uuid:${operation.uuid}`);
  if (operation.kind === 'create' && vm instanceof QubesVM) {
    // An imported domain is in the system before its volumes are made.
    await vm.volumes.create();
    return strike(system, operation);
  }
  // A half-made domain is unmade; a half-removed one is removed. Either way its volumes go.
  await Promise.all(
    operation.volumes.map(async ({ name, pool, vid }) => {
      const volume = system.pool(pool).volume(leftover(name, vid));
      await volume.stop();
      await volume.remove();
    }),
  );
  await strike(system, operation);
}

async function settleRun(system: Qubes, operation: Operation): Promise<void> {
  const vm = system.domains.find(`uuid:${operation.uuid}`);
  if (vm instanceof QubesVM && !vm.broken) return vm.recover(operation.mode);
  // Nothing can be known of how it was to run: whichever engine has it, it must not.
  for (const hypervisor of system.hypervisors) {
    await hypervisor.kill(operation.uuid);
    await hypervisor.cleanUp(operation.uuid);
  }
  await strike(system, operation);
}

async function strike(system: Qubes, { uuid }: Operation): Promise<void> {
  await system.change((change) => system.operations.end(change, uuid));
}

/**
 * Disposables that were made and not started, or stopped while nobody looked, or made for a client whose connection
 * was cut with the daemon's end.
 */
async function removeStrayDisposables(system: Qubes): Promise<void> {
  const disposables = [...system.domains].filter((vm) => vm instanceof DispVM && vm.auto_cleanup) as DispVM[];
  await Promise.all(
    disposables.map(async (vm) => {
      try {
        if (vm.powerState === 'Halted') await vm.remove();
        else if (vm.tags.has(ONE_COMMAND_TAG)) await vm.kill();
      } catch (error) {
        system.log.error('could not remove a disposable that nobody uses', { domain: vm.name, error });
      }
    }),
  );
}

function leftover(name: string, vid: string) {
  return { name, vid, size: 0, rw: true, snapOnStart: false, saveOnStop: true, revisionsToKeep: 0 };
}
