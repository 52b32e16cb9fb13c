import { randomUUID } from 'node:crypto';
import { MemoryHypervisor, MemoryMachine } from '../../src/hypervisor/memory/memory-hypervisor.ts';
import { describeHypervisor } from './hypervisor.contract.ts';

describeHypervisor('memory', async () => {
  const machine = new MemoryMachine();
  const hypervisor = new MemoryHypervisor({ machine });
  return {
    hypervisor,
    spec: async () => ({
      uuid: randomUUID(),
      name: 'work',
      virtMode: 'container',
      memory: 256,
      maxmem: 256,
      vcpus: 1,
      ids: { start: 100_000, length: 65_536 },
      defaultUser: 'user',
      volumes: {},
    }),
    another: () => new MemoryHypervisor({ machine }),
    [Symbol.asyncDispose]: () => hypervisor[Symbol.asyncDispose](),
  };
});
