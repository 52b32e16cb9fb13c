import { printable, QubesValueError } from '../../base/errors.ts';
import type { PoolDriver } from '../pool.ts';
import { MemoryPool } from './pool.ts';

/** For tests: volumes that live as long as the pool object. */
export const memoryDriver: PoolDriver = {
  name: 'memory',
  parameters: [],
  open(name, config) {
    const [unknown] = Object.keys(config);
    if (unknown !== undefined)
      throw new QubesValueError(`Pool '${name}': driver memory has no parameter '${printable(unknown)}'`);
    return new MemoryPool(name);
  },
};
