/**
 * A system for tests of the model: the real application over a store in memory, with the built-in labels, the
 * AdminVM, and one pool that can be named but not used. It has no engine, so nothing in it starts.
 */
import { randomUUID } from 'node:crypto';
import { Qubes } from '../../src/app/qubes.ts';
import { MemoryState, MemoryStore } from '../../src/app/store/memory/store.ts';
import { silentLog } from '../../src/base/log.ts';
import type { BaseVM } from '../../src/vm/base-vm.ts';
import { BaseVMMeta } from '../../src/vm/base-vm-meta.ts';
import { ADMIN_NAME, ADMIN_UUID } from '../../src/vm/properties/admin.ts';
import { element } from '../../src/xml/node.ts';

/** Memory and processors of the machine the tests pretend to be. */
export const host = { memory: 16_000, cpus: 4 };

export class Model {
  readonly disk = new MemoryState();
  readonly system: Qubes;
  readonly #store = new MemoryStore(this.disk);

  private constructor() {
    this.system = new Qubes({ store: this.#store, hypervisors: [], poolDrivers: [], log: silentLog, host });
  }

  static async make(): Promise<Model> {
    const model = new Model();
    await model.#store.load();
    const { system } = model;
    system.pools.restore(element('pool', { name: 'varlibqubes', driver: 'none' }));
    await system.change((change) => system.labels.createBuiltIn(change));
    system.adminVM.identify({ uuid: ADMIN_UUID, qid: 0, name: ADMIN_NAME, label: system.label('black') });
    system.domains.add(system.adminVM);
    return model;
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
