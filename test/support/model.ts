/**
 * A system for tests of the model: the real application over a store in memory, with the built-in labels, the
 * AdminVM, and one pool in memory. It has no engine, so nothing in it starts.
 */
import { randomUUID } from 'node:crypto';
import { load } from '../../src/app/load.ts';
import { Qubes } from '../../src/app/qubes.ts';
import { MemoryState, MemoryStore } from '../../src/app/store/memory/store.ts';
import { silentLog } from '../../src/base/log.ts';
import { memoryDriver } from '../../src/storage/memory/driver.ts';
import type { BaseVM } from '../../src/vm/base-vm.ts';
import { BaseVMMeta } from '../../src/vm/base-vm-meta.ts';
import { BUILT_IN_LABELS } from '../../src/vm/label.ts';

/** Memory and processors of the machine the tests pretend to be. */
export const host = { memory: 16_000, cpus: 4 };

export class Model {
  readonly disk: MemoryState;
  readonly system: Qubes;
  readonly #store: MemoryStore;

  private constructor(disk: MemoryState) {
    this.disk = disk;
    this.#store = new MemoryStore(disk);
    this.system = new Qubes({
      store: this.#store,
      hypervisors: [],
      poolDrivers: [memoryDriver],
      templateSources: [],
      version: '0',
      log: silentLog,
      host,
    });
  }

  static async make(): Promise<Model> {
    const disk = new MemoryState();
    for (const [index, name, color] of BUILT_IN_LABELS)
      disk.records.set(`label/${name}`, `<label id="label-${index}" color="${color}">${name}</label>`);
    disk.records.set('pool/varlibqubes', '<pool name="varlibqubes" driver="memory"/>');
    return Model.#on(disk);
  }

  /** The same system after a restart of the daemon; this one is at its end. */
  async restarted(): Promise<Model> {
    await this.#store[Symbol.asyncDispose]();
    return Model.#on(this.disk);
  }

  static async #on(disk: MemoryState): Promise<Model> {
    const model = new Model(disk);
    await load(model.system, await model.#store.load(), '/nowhere');
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
