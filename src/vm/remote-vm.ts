import { QubesVMError } from '../base/errors.ts';
import { propertyTable, reference, text } from '../property/descriptor.ts';
import { BaseVM } from './base-vm.ts';
import type { PowerState } from './power-state.ts';

const relayvm = reference<RemoteVM, BaseVM>('relayvm', 'vm', {
  doc: 'Domain that carries calls to and from the other host.',
  optional: true,
  default: () => null,
  resolve: (vm, untrustedName) => vm.system.domain(untrustedName),
});

const transport_rpc = text<RemoteVM, string | null>('transport_rpc', {
  doc: 'Service that the relay carries calls with.',
  default: () => null,
});

const remote_name = text<RemoteVM, string | null>('remote_name', {
  doc: 'Name of the domain on the other host.',
  default: () => null,
});

/** Stands for a domain on another host: can be named in policy and called, but not started or stopped from here. */
export class RemoteVM extends BaseVM {
  static override readonly properties = propertyTable<never>(
    BaseVM.properties,
    relayvm,
    transport_rpc,
    remote_name,
  );

  get relayvm(): BaseVM | null {
    return this.value(relayvm);
  }

  get transport_rpc(): string | null {
    return this.value(transport_rpc);
  }

  get remote_name(): string | null {
    return this.value(remote_name);
  }

  override get powerState(): PowerState {
    return 'NA';
  }

  start(): never {
    throw new QubesVMError(
      `Domain ${this.name} lives on another host and cannot be started or stopped from here`,
    );
  }
}
