import { isAbsolute, normalize } from 'node:path';
import { printable, QubesValueError } from '../../base/errors.ts';
import type { PoolDriver } from '../pool.ts';
import { DirPool } from './pool.ts';

/** `revisions_to_keep` and `ephemeral_volatile` are taken as on Qubes; who makes volumes applies the first. */
const PARAMETERS = ['dir_path', 'revisions_to_keep', 'ephemeral_volatile'] as const;

export const dirDriver: PoolDriver = {
  name: 'dir',
  parameters: PARAMETERS,
  open(name, config) {
    return new DirPool(name, config, checkedPath(name, config));
  },
};

function checkedPath(pool: string, config: Readonly<Record<string, string>>): string {
  const unknown = Object.keys(config).find((key) => !(PARAMETERS as readonly string[]).includes(key));
  if (unknown !== undefined)
    throw new QubesValueError(
      `Pool '${pool}': driver dir has no parameter '${printable(unknown)}'; it has ${PARAMETERS.join(', ')}`,
    );
  const { dir_path: path, revisions_to_keep: revisions = '0' } = config;
  if (path === undefined || !isAbsolute(path) || path.includes('\0'))
    throw new QubesValueError(
      `Pool '${pool}': dir_path is '${printable(path ?? '')}'; give an absolute path`,
    );
  if (!/^[0-9]{1,4}$/.test(revisions))
    throw new QubesValueError(
      `Pool '${pool}': revisions_to_keep is '${printable(revisions)}'; give a number from 0 to 9999`,
    );
  return normalize(path).replace(/(?<=.)\/+$/, '');
}
