import type { Emitter } from '../base/emitter.ts';
import type { Log } from '../base/log.ts';
import type { Hypervisor, VirtMode } from '../hypervisor/hypervisor.ts';
import type { Change } from '../property/holder.ts';
import type { Pool } from '../storage/pool.ts';
import type { IdRange } from '../storage/volume.ts';
import type { AdminVM } from './admin-vm.ts';
import type { BaseVM } from './base-vm.ts';
import type { Label } from './label.ts';
import type { QubesVM } from './qubes-vm.ts';

/** What is under way with a domain's resources on the host; written down before anything is touched. */
export type OperationKind =
  /** It is being started, runs, or is being cleaned up after: volumes, mounts, processes may exist. */
  | 'run'
  /** Its volumes are being made; the domain is not in the system yet. */
  | 'create'
  /** It has left the system; its volumes are being removed. */
  | 'remove';

/** The system as a domain sees it. `app/qubes` is the real one. */
export interface System {
  readonly log: Log;
  /** Everything that happens to any domain (subject: the domain) or to the system itself (subject: null). */
  readonly events: Emitter<BaseVM | null>;
  readonly adminVM: AdminVM;
  readonly host: { readonly memory: number; readonly cpus: number };
  /** The host's user and group ids that belong to the domain with this number. */
  idRange(qid: number): IdRange;

  /** Every domain that has been started and has not stopped. */
  readonly started: Set<QubesVM>;
  /** Domains whose netvm is this one, by choice or by default. */
  usersOfNetwork(vm: QubesVM): readonly QubesVM[];
  /** By name, or `uuid:...`. Throws QubesVMNotFoundError. */
  domain(untrustedName: string): BaseVM;
  /** Throws QubesLabelNotFoundError. */
  label(untrustedName: string): Label;
  /** Throws QubesPoolNotFoundError. */
  pool(untrustedName: string): Pool;
  /** Pool for a new volume of that kind (`default_pool_private` and so on). */
  poolFor(volume: string): Pool;
  /** The engine for that mode. Throws QubesVMError when this machine has none: never a weaker one. */
  hypervisor(mode: VirtMode): Hypervisor;

  /** Makes changes to memory durable together; see `app/qubes`. */
  change<T>(work: (change: Change) => T): Promise<T>;
  /** Writes down that an operation on the domain's resources is under way, as part of a change. */
  journal(change: Change, vm: QubesVM, kind: OperationKind): void;
  /** Strikes it out again. */
  strike(change: Change, vm: QubesVM): void;
  /** Takes the domain out of the system's lists (and puts it back if the change fails). */
  forget(change: Change, vm: QubesVM): void;

  // Properties of the system that domains take defaults from.
  readonly default_netvm: QubesVM | null;
  readonly default_template: QubesVM | null;
  readonly default_dispvm: QubesVM | null;
  readonly management_dispvm: QubesVM | null;
  readonly default_guivm: BaseVM | null;
  readonly default_audiovm: BaseVM | null;
  readonly default_kernel: string | null;
  readonly default_qrexec_timeout: number;
  readonly default_shutdown_timeout: number;
}
