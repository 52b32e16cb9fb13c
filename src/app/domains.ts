import { randomInt } from 'node:crypto';
import {
  QubesValueError,
  QubesVMAlreadyExistsError,
  QubesVMInvalidUUIDError,
  QubesVMNotFoundError,
} from '../base/errors.ts';
import { MAX_QID } from '../hypervisor/id-range.ts';
import type { BaseVM } from '../vm/base-vm.ts';

/** Disposables are numbered up to this (Qubes' address plan). */
const MAX_DISPID = 10_000;
const UUID_PREFIX = 'uuid:';

/** All domains of the system, found by name, uuid and number at a cost that does not depend on how many there are. */
export class Domains implements Iterable<BaseVM> {
  readonly #byName = new Map<string, BaseVM>();
  readonly #byUuid = new Map<string, BaseVM>();
  readonly #reservedNames = new Set<string>();
  readonly #qids = new Set<number>();
  readonly #dispids = new Set<number>();
  /** No free number is below this one. */
  #lowestFreeQid = 1;
  #sorted: readonly BaseVM[] | undefined;

  get size(): number {
    return this.#byName.size;
  }

  [Symbol.iterator](): Iterator<BaseVM> {
    return this.#byName.values();
  }

  /** In order of their names. */
  get sorted(): readonly BaseVM[] {
    this.#sorted ??= [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }

  /** By name, or by `uuid:UUID`; undefined when there is none. Throws QubesVMInvalidUUIDError. */
  find(untrustedName: string): BaseVM | undefined {
    if (!untrustedName.startsWith(UUID_PREFIX)) return this.#byName.get(untrustedName);
    const uuid = untrustedName.slice(UUID_PREFIX.length);
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) throw new QubesVMInvalidUUIDError(uuid);
    return this.#byUuid.get(uuid);
  }

  /** The same; throws QubesVMNotFoundError when there is none. */
  get(untrustedName: string): BaseVM {
    const found = this.find(untrustedName);
    if (!found) throw new QubesVMNotFoundError(untrustedName);
    return found;
  }

  /** Throws when its name, uuid or number is taken. */
  add(vm: BaseVM): void {
    if (this.#byName.has(vm.name)) throw new QubesVMAlreadyExistsError(vm.name);
    if (this.#byUuid.has(vm.uuid))
      throw new QubesValueError(`UUID ${vm.uuid} is already that of another domain`);
    this.#byName.set(vm.name, vm);
    this.#byUuid.set(vm.uuid, vm);
    this.#qids.add(vm.qid);
    if (vm.dispid) this.#dispids.add(vm.dispid);
    this.#sorted = undefined;
  }

  delete(vm: BaseVM): void {
    this.#byName.delete(vm.name);
    this.#byUuid.delete(vm.uuid);
    this.releaseQid(vm.qid);
    if (vm.dispid) this.#dispids.delete(vm.dispid);
    this.#sorted = undefined;
  }

  /** Keeps a name from being taken while a domain of that name is being made. Disposing of it gives it back. */
  reserveName(name: string): Disposable {
    if (this.#byName.has(name) || this.#reservedNames.has(name)) throw new QubesVMAlreadyExistsError(name);
    this.#reservedNames.add(name);
    return { [Symbol.dispose]: () => void this.#reservedNames.delete(name) };
  }

  isNameFree(name: string): boolean {
    return !this.#byName.has(name) && !this.#reservedNames.has(name);
  }

  isQidFree(qid: number): boolean {
    return !this.#qids.has(qid);
  }

  /** Takes the lowest free number. Throws QubesValueError when there is none. */
  takeQid(): number {
    let qid = this.#lowestFreeQid;
    while (this.#qids.has(qid)) qid += 1;
    if (qid > MAX_QID) throw new QubesValueError(`There can be no more than ${MAX_QID} domains`);
    this.#qids.add(qid);
    this.#lowestFreeQid = qid + 1;
    return qid;
  }

  /** Takes a free number for a disposable, by chance: a number that was just given back is not soon used again. */
  takeDispid(): number {
    if (this.#dispids.size >= MAX_DISPID / 2)
      throw new QubesValueError(`There can be no more than ${MAX_DISPID / 2} disposables`);
    for (;;) {
      const dispid = randomInt(1, MAX_DISPID + 1);
      if (this.#dispids.has(dispid) || !this.isNameFree(`disp${dispid}`)) continue;
      this.#dispids.add(dispid);
      return dispid;
    }
  }

  isDispidFree(dispid: number): boolean {
    return !this.#dispids.has(dispid);
  }

  /** Keeps the number of a disposable that was there before. */
  holdDispid(dispid: number): void {
    this.#dispids.add(dispid);
  }

  releaseDispid(dispid: number): void {
    this.#dispids.delete(dispid);
  }

  /** Keeps a number for something that still has resources under it. */
  holdQid(qid: number): void {
    this.#qids.add(qid);
  }

  releaseQid(qid: number): void {
    this.#qids.delete(qid);
    if (qid > 0) this.#lowestFreeQid = Math.min(this.#lowestFreeQid, qid);
  }
}
