import { engine, Workshop } from '../integration/oci/fixture.ts';
import { describeHypervisor } from './hypervisor.contract.ts';

describeHypervisor('oci', async () => {
  const workshop = await Workshop.open();
  return {
    hypervisor: workshop.hypervisor,
    spec: () => workshop.spec(),
    another: () => engine(workshop.directory),
    [Symbol.asyncDispose]: () => workshop[Symbol.asyncDispose](),
  };
});
