import type { EventArguments } from '../base/emitter.ts';
import type { PropertyHolder, Referrers } from '../property/holder.ts';
import type { DeviceManager } from './device-manager.ts';

/**
 * A domain as devices see it: it has devices of its own to give, and uses those of others. `BaseVM` fits; this file
 * is why devices need not know domains.
 */
export interface DeviceOwner extends PropertyHolder {
  readonly name: string;
  readonly powerState: string;
  readonly devices: DeviceManager;
  readonly referrers: Referrers;
  /** Codes of interfaces that may never be given to this domain; see `DeviceInterface`. */
  readonly devices_denied: string;
  readonly system: {
    /** Throws QubesVMNotFoundError. */
    domain(untrustedName: string): DeviceOwner;
    readonly events: DeviceEvents;
  };
}

/** The part of `Emitter` that devices use; the subject is the domain. */
export interface DeviceEvents {
  ask(subject: DeviceOwner | null, event: string, values: EventArguments): void;
  askAll(subject: DeviceOwner | null, event: string, values: EventArguments): Promise<void>;
  announce(subject: DeviceOwner | null, event: string, values: EventArguments): void;
}
