import {
  messageOf,
  printable,
  QubesPoolNotFoundError,
  QubesValueError,
  StoragePoolException,
} from '../base/errors.ts';
import type { Stored } from '../base/transaction.ts';
import type { Change } from '../property/holder.ts';
import type { Pool, PoolDriver } from '../storage/pool.ts';
import type { Volume } from '../storage/volume.ts';
import { element, type XmlNode } from '../xml/node.ts';

/** The pool every system has, named as on Qubes. */
export const DEFAULT_POOL = 'varlibqubes';

/** The storage pools there are, and the drivers they can be made with. */
export class Pools implements Iterable<Pool> {
  readonly #drivers: ReadonlyMap<string, PoolDriver>;
  readonly #pools = new Map<string, Pool>();

  constructor(drivers: readonly PoolDriver[]) {
    this.#drivers = new Map(drivers.map((driver) => [driver.name, driver]));
  }

  [Symbol.iterator](): Iterator<Pool> {
    return this.#pools.values();
  }

  get drivers(): Iterable<PoolDriver> {
    return this.#drivers.values();
  }

  /** Throws QubesPoolNotFoundError. */
  get(untrustedName: string): Pool {
    const pool = this.#pools.get(untrustedName);
    if (!pool) throw new QubesPoolNotFoundError(`No such pool: '${printable(untrustedName)}'`);
    return pool;
  }

  has(name: string): boolean {
    return this.#pools.has(name);
  }

  /** Adds a pool. Throws QubesValueError on a taken name or a driver this system does not have. */
  add(change: Change, name: string, driver: string, config: Readonly<Record<string, string>>): Pool {
    if (this.#pools.has(name)) throw new QubesValueError(`A pool named '${printable(name)}' exists already`);
    const pool = this.#driver(driver).open(name, config);
    this.#pools.set(name, pool);
    change.touch(stored(pool));
    change.onUndo(() => this.#pools.delete(name));
    return pool;
  }

  /** Reads a stored pool. One that can't be opened, or read, stays in the list and refuses everything with the reason. */
  restore(name: string, untrustedNode: XmlNode | undefined, problem: string | undefined): void {
    const { name: stated, driver = '', ...config } = Object.fromEntries(untrustedNode?.attributes ?? []);
    try {
      if (problem !== undefined) throw new QubesValueError(`its record cannot be read: ${problem}`);
      if (stated !== name)
        throw new QubesValueError(`its record says that its name is '${printable(stated ?? '')}'`);
      this.#pools.set(name, this.#driver(driver).open(name, config));
    } catch (error) {
      this.#pools.set(name, new UnavailablePool(name, driver, config, messageOf(error)));
    }
  }

  /** Every pool as stored, but those whose record could not be read. */
  records(): XmlNode[] {
    return [...this.#pools.values()].filter(({ driver }) => driver !== '').map(nodeOf);
  }

  #driver(name: string): PoolDriver {
    const driver = this.#drivers.get(name);
    if (!driver)
      throw new QubesValueError(
        `This system has no storage driver '${printable(name)}'; it has ${[...this.#drivers.keys()].join(', ')}`,
      );
    return driver;
  }
}

function stored(pool: Pool): Stored<XmlNode> {
  return { storeKey: `pool/${pool.name}`, record: () => nodeOf(pool) };
}

function nodeOf(pool: Pool): XmlNode {
  return element('pool', { name: pool.name, driver: pool.driver, ...pool.config });
}

/** A pool that is known but cannot be used here. */
class UnavailablePool implements Pool {
  readonly name: string;
  readonly driver: string;
  readonly config: Readonly<Record<string, string>>;
  readonly #why: string;

  constructor(name: string, driver: string, config: Readonly<Record<string, string>>, why: string) {
    this.name = name;
    this.driver = driver;
    this.config = config;
    this.#why = why;
  }

  async setup(): Promise<void> {
    this.#refuse();
  }
  volume(): Volume {
    return this.#refuse();
  }
  async list(): Promise<readonly string[]> {
    return this.#refuse();
  }
  async usage(): Promise<{ size: number; used: number }> {
    return { size: 0, used: 0 };
  }

  #refuse(): never {
    throw new StoragePoolException(`Pool '${this.name}' cannot be used: ${this.#why}`);
  }
}
