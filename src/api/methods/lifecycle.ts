/** Starting and stopping domains, and what state they are in. */
import { ProtocolError, printable, QubesVMNotStartedError } from '../../base/errors.ts';
import type { BaseVM } from '../../vm/base-vm.ts';
import { QubesVM } from '../../vm/qubes-vm.ts';
import type { Handler } from '../call.ts';
import { startable } from './domains.ts';

export const lifecycle = {
  async 'admin.vm.Start'({ destination }) {
    await startable(destination).start();
    return '';
  },
  async 'admin.vm.Shutdown'({ destination, untrustedArgument }) {
    const words = untrustedArgument === '' ? [] : untrustedArgument.split('+');
    for (const word of words)
      if (word !== 'force' && word !== 'wait')
        throw new ProtocolError(
          `Unexpected word in the argument: '${printable(word)}'; it may hold force and wait`,
        );
    await startable(destination).shutdown({ force: words.includes('force'), wait: words.includes('wait') });
    return '';
  },
  async 'admin.vm.Kill'({ destination }) {
    await startable(destination).kill();
    return '';
  },
  async 'admin.vm.Pause'({ destination }) {
    await startable(destination).pause();
    return '';
  },
  async 'admin.vm.Unpause'({ destination }) {
    await startable(destination).unpause();
    return '';
  },
  /** `mem` and `mem_static_max` in KiB, `cputime` in milliseconds. */
  async 'admin.vm.CurrentState'({ destination }) {
    const stats = await statsOf(destination);
    const most = destination instanceof QubesVM ? Math.max(destination.memory, destination.maxmem) : 0;
    return [
      `mem=${Math.floor(stats.memory / 1024)}`,
      `mem_static_max=${most * 1024}`,
      `cputime=${stats.cpuTime / 1_000_000n}`,
      `power_state=${destination.powerState}`,
    ].join(' ');
  },
} satisfies Record<string, Handler>;

/** Nothing for a domain that does not run, or stops while it is asked for. */
async function statsOf(vm: BaseVM): Promise<{ readonly memory: number; readonly cpuTime: bigint }> {
  const none = { memory: 0, cpuTime: 0n };
  if (!(vm instanceof QubesVM) || (vm.powerState !== 'Running' && vm.powerState !== 'Paused')) return none;
  try {
    return await vm.hypervisor.stats(vm.uuid);
  } catch (error) {
    if (error instanceof QubesVMNotStartedError) return none;
    throw error;
  }
}
