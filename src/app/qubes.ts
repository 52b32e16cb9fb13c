import { Emitter, type EventArguments } from '../base/emitter.ts';
import { QubesVMError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Hypervisor, VirtMode } from '../hypervisor/hypervisor.ts';
import { idRangeOf } from '../hypervisor/id-range.ts';
import type { PropertyTable } from '../property/descriptor.ts';
import { type Change, PropertyHolder } from '../property/holder.ts';
import type { Pool, PoolDriver } from '../storage/pool.ts';
import type { TreeSource } from '../storage/tree-source.ts';
import type { IdRange } from '../storage/volume.ts';
import { AdminVM } from '../vm/admin-vm.ts';
import type { BaseVM } from '../vm/base-vm.ts';
import type { XmlNode } from '../xml/node.ts';
import '../vm/classes.ts';
import type { Label } from '../vm/label.ts';
import { QubesVM } from '../vm/qubes-vm.ts';
import type { OperationKind, System } from '../vm/system.ts';
import { Changes } from './changes.ts';
import { Domains } from './domains.ts';
import { Journal } from './journal.ts';
import { Labels } from './labels.ts';
import { Pools } from './pools.ts';
import * as properties from './properties.ts';
import type { Store } from './store/store.ts';

/** What a system is made of; the daemon's `compose` chooses the parts. */
export interface Parts {
  readonly store: Store;
  readonly hypervisors: readonly Hypervisor[];
  readonly poolDrivers: readonly PoolDriver[];
  /** What templates can be built from. */
  readonly templateSources: readonly TreeSource[];
  readonly version: string;
  readonly log: Log;
  /** Which ranges of user ids the system's domains have (`hypervisor/id-range`); 0 when not given. */
  readonly idOffset?: number;
  /** MiB of memory and number of processors of this machine. */
  readonly host: { readonly memory: number; readonly cpus: number };
}

/**
 * The application: all domains, labels, pools and system properties, in memory, and the one way to change them
 * (`change`). Everything read is answered from here without waiting for anything.
 */
export class Qubes extends PropertyHolder implements System {
  readonly log: Log;
  readonly host: Parts['host'];
  readonly hypervisors: readonly Hypervisor[];
  readonly templateSources: readonly TreeSource[];
  readonly version: string;
  readonly events: Emitter<BaseVM | null>;
  readonly domains = new Domains();
  readonly labels = new Labels();
  readonly pools: Pools;
  readonly started = new Set<QubesVM>();
  readonly operations = new Journal();
  readonly adminVM: AdminVM;
  readonly #changes: Changes;
  readonly #idOffset: number;

  constructor({ store, hypervisors, poolDrivers, templateSources, version, log, host, idOffset = 0 }: Parts) {
    super();
    this.log = log;
    this.host = host;
    this.#idOffset = idOffset;
    this.hypervisors = hypervisors;
    this.templateSources = templateSources;
    this.version = version;
    this.pools = new Pools(poolDrivers);
    this.events = new Emitter((event, error) => log.error('a handler failed', { event, error }));
    this.#changes = new Changes(store);
    this.adminVM = new AdminVM(this);
  }

  // --- changes ------------------------------------------------------------------------------------------------

  /**
   * Does `work` on memory at once and resolves when what it touched is durable; then its events have been fired.
   * When it rejects, memory is as it was. Concurrent changes share one sync of the disk.
   */
  change<T>(work: (change: Change) => T): Promise<T> {
    return this.#changes.make(work);
  }

  journal(change: Change, vm: QubesVM, kind: OperationKind): void {
    this.operations.begin(change, vm, kind);
  }

  strike(change: Change, vm: QubesVM): void {
    this.operations.end(change, vm.uuid);
  }

  /** Takes a domain into the system, as part of a change. Announces `domain-add`. */
  adopt(change: Change, vm: BaseVM): void {
    this.domains.add(vm);
    change.touch(vm);
    change.onUndo(() => this.domains.delete(vm));
    change.onCommitted(() => this.events.announce(null, 'domain-add', { vm }));
  }

  forget(change: Change, vm: QubesVM): void {
    this.domains.delete(vm);
    change.onUndo(() => this.domains.add(vm));
  }

  // --- finding things -----------------------------------------------------------------------------------------

  domain(untrustedName: string): BaseVM {
    return this.domains.get(untrustedName);
  }

  label(untrustedName: string): Label {
    return this.labels.get(untrustedName);
  }

  pool(untrustedName: string): Pool {
    return this.pools.get(untrustedName);
  }

  poolFor(volume: string): Pool {
    return this.pool(this.#defaultPools.get(volume)?.call(this) ?? this.default_pool);
  }

  hypervisor(mode: VirtMode): Hypervisor {
    const found = this.hypervisors.find(({ modes }) => modes.includes(mode));
    if (!found)
      throw new QubesVMError(
        `No engine on this machine runs domains with virt_mode '${mode}'; there are engines for ` +
          `${this.hypervisors.flatMap(({ modes }) => modes).join(', ') || 'none'}. Nothing weaker is used in its place`,
      );
    return found;
  }

  idRange(qid: number): IdRange {
    return idRangeOf(qid, this.#idOffset);
  }

  usersOfNetwork(vm: QubesVM): readonly QubesVM[] {
    const explicit = vm.referrers.by('netvm').filter((holder) => holder instanceof QubesVM);
    if (this.default_netvm !== vm) return explicit;
    return [...this.domains].filter(
      (other) => other instanceof QubesVM && other !== vm && other.netvm === vm,
    ) as QubesVM[];
  }

  // --- properties of the system -------------------------------------------------------------------------------

  get properties(): PropertyTable<never> {
    return properties.properties;
  }

  get description(): string {
    return 'the system';
  }

  get storeKey(): string {
    return 'system';
  }

  record(): XmlNode {
    return this.propertiesNode();
  }

  /** Reads what {@link record} wrote; values that no longer fit are reported and left at their defaults. */
  restoreProperties(untrustedNode: XmlNode): void {
    for (const node of untrustedNode.elements('property')) {
      const name = node.attribute('name') ?? '';
      try {
        const property = this.property(name);
        this.restore(property, property.parse(this as never, node.text));
      } catch (error) {
        this.log.error('a system property was not understood; its default is used', {
          property: name,
          error,
        });
      }
    }
  }

  get default_netvm(): QubesVM | null {
    return this.value(properties.default_netvm) as QubesVM | null;
  }
  get default_template(): QubesVM | null {
    return this.value(properties.default_template) as QubesVM | null;
  }
  get default_dispvm(): QubesVM | null {
    return this.value(properties.default_dispvm) as QubesVM | null;
  }
  get management_dispvm(): QubesVM | null {
    return this.value(properties.management_dispvm) as QubesVM | null;
  }
  get default_guivm(): BaseVM | null {
    return this.value(properties.default_guivm);
  }
  get default_audiovm(): BaseVM | null {
    return this.value(properties.default_audiovm);
  }
  get default_kernel(): string | null {
    return this.value(properties.default_kernel);
  }
  get default_pool(): string {
    return this.value(properties.default_pool);
  }
  get default_qrexec_timeout(): number {
    return this.value(properties.default_qrexec_timeout);
  }
  get default_shutdown_timeout(): number {
    return this.value(properties.default_shutdown_timeout);
  }

  readonly #defaultPools: ReadonlyMap<string, () => string> = new Map([
    ['root', () => this.value(properties.default_pool_root)],
    ['private', () => this.value(properties.default_pool_private)],
    ['volatile', () => this.value(properties.default_pool_volatile)],
    ['kernel', () => this.value(properties.default_pool_kernel)],
  ]);

  protected ask(event: string, values: EventArguments): void {
    this.events.ask(null, event, values);
  }

  protected announce(event: string, values: EventArguments): void {
    this.events.announce(null, event, values);
  }
}
