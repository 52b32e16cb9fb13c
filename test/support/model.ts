/**
 * A system for tests of the model: the real application over a store, a disk and a machine in memory, with the
 * built-in labels, the AdminVM, and one pool. Made without an engine, nothing in it starts.
 */
import { randomUUID } from 'node:crypto';
import { createDomain } from '../../src/app/create.ts';
import { followEngines } from '../../src/app/follow-engines.ts';
import { load } from '../../src/app/load.ts';
import { Qubes } from '../../src/app/qubes.ts';
import { recover } from '../../src/app/recovery.ts';
import { MemoryState, MemoryStore } from '../../src/app/store/memory/store.ts';
import { MemoryHypervisor, MemoryMachine } from '../../src/hypervisor/memory/memory-hypervisor.ts';
import type { TreeSource } from '../../src/storage/tree-source.ts';
import type { BaseVM } from '../../src/vm/base-vm.ts';
import { BaseVMMeta } from '../../src/vm/base-vm-meta.ts';
import { BUILT_IN_LABELS } from '../../src/vm/label.ts';
import type { QubesVM } from '../../src/vm/qubes-vm.ts';
import { LogBook, MemoryDisks } from './memory-parts.ts';

/** Memory and processors of the machine the tests pretend to be. */
export const host = { memory: 16_000, cpus: 4 };

export interface ModelOptions {
  /** With an engine, so that domains start. */
  readonly engine?: boolean;
  readonly templateSources?: readonly TreeSource[];
}

/** What outlasts a daemon. */
interface Lasting {
  readonly disk: MemoryState;
  readonly disks: MemoryDisks;
  readonly machine: MemoryMachine;
  readonly options: ModelOptions;
}

export class Model {
  readonly disk: MemoryState;
  readonly disks: MemoryDisks;
  /** Where its domains run. */
  readonly machine: MemoryMachine;
  readonly hypervisor: MemoryHypervisor;
  readonly log = new LogBook();
  readonly system: Qubes;
  readonly #lasting: Lasting;
  readonly #store: MemoryStore;

  private constructor(lasting: Lasting) {
    this.#lasting = lasting;
    this.disk = lasting.disk;
    this.disks = lasting.disks;
    this.machine = lasting.machine;
    this.hypervisor = new MemoryHypervisor({ machine: lasting.machine });
    this.#store = new MemoryStore(lasting.disk);
    this.system = new Qubes({
      store: this.#store,
      hypervisors: lasting.options.engine ? [this.hypervisor] : [],
      poolDrivers: [lasting.disks.driver],
      templateSources: lasting.options.templateSources ?? [],
      version: '0',
      log: this.log,
      host,
    });
  }

  static async make(options: ModelOptions = {}): Promise<Model> {
    const disk = new MemoryState();
    for (const [index, name, color] of BUILT_IN_LABELS)
      disk.records.set(`label/${name}`, `<label id="label-${index}" color="${color}">${name}</label>`);
    disk.records.set('pool/varlibqubes', '<pool name="varlibqubes" driver="memory"/>');
    return Model.#on({ disk, disks: new MemoryDisks(), machine: new MemoryMachine(), options });
  }

  /** The same system after a restart of the daemon; this one is at its end. */
  async restarted(): Promise<Model> {
    await this.#store[Symbol.asyncDispose]();
    await this.hypervisor[Symbol.asyncDispose]();
    return Model.#on(this.#lasting);
  }

  static async #on(lasting: Lasting): Promise<Model> {
    const model = new Model(lasting);
    await load(model.system, await model.#store.load(), '/nowhere');
    followEngines(model.system);
    return model;
  }

  /** As {@link restarted}, and what the earlier daemon left unfinished is settled. */
  async recovered(): Promise<Model> {
    const later = await this.restarted();
    await recover(later.system);
    return later;
  }

  /** A new domain with its volumes, made as a client makes one. */
  async create<Domain extends BaseVM = QubesVM>(
    domainClass: string,
    name: string,
    template = '',
    values: Readonly<Record<string, string>> = {},
  ): Promise<Domain> {
    const vm = await createDomain(this.system, {
      untrustedClass: domainClass,
      untrustedName: name,
      untrustedLabel: 'red',
      untrustedTemplate: template,
    });
    for (const [property, text] of Object.entries(values)) await this.set(vm, property, text);
    return vm as Domain;
  }

  /** A new domain, in the system and stored. `values` are set as a client would, in that order. */
  async add<Domain extends BaseVM = BaseVM>(
    domainClass: string,
    name: string,
    values: Readonly<Record<string, string>> = {},
  ): Promise<Domain> {
    const { system } = this;
    const vm = new (BaseVMMeta.get(domainClass))(system);
    await system.change((change) => {
      vm.identify({ uuid: randomUUID(), qid: system.domains.takeQid(), name, label: system.label('red') });
      system.adopt(change, vm);
      for (const [property, text] of Object.entries(values)) vm.setText(change, vm.property(property), text);
    });
    return vm as Domain;
  }

  /** Sets one property as a client would. */
  async set(vm: BaseVM, property: string, text: string): Promise<void> {
    await this.system.change((change) => vm.setText(change, vm.property(property), text));
  }

  /** The property's value as a client sees it. */
  get(vm: BaseVM, property: string): string {
    const declared = vm.property(property);
    return declared.format(vm.value(declared) as never);
  }

  /** Names of the events announced or asked while `work` ran, with their subject's name. */
  async heard(work: () => unknown): Promise<string[]> {
    const names: string[] = [];
    using _listener = this.system.events.on(
      '*',
      (subject, event) => void names.push(`${subject?.name ?? ''} ${event}`),
    );
    await work();
    return names;
  }
}
