import { printable } from '../../base/errors.ts';
import { element, type XmlNode } from '../../xml/node.ts';
import { ownPools } from './pool-spelling.ts';

/** The pools of a file. Those without a name or driver, and second ones of a name, are left out with a warning. */
export function importPools(untrustedRoot: XmlNode, warn: (text: string) => void): XmlNode[] {
  const pools = new Map<string, XmlNode>();
  for (const untrustedPool of ownPools(untrustedRoot)) {
    const { name = '', driver = '', ...config } = Object.fromEntries(untrustedPool.attributes);
    const problem = problemWith(name, driver, pools.has(name));
    if (problem === undefined) pools.set(name, element('pool', { name, driver, ...config }));
    else warn(`pool '${printable(name)}' was left out: ${problem}`);
  }
  return [...pools.values()];
}

function problemWith(untrustedName: string, untrustedDriver: string, taken: boolean): string | undefined {
  if (taken) return 'another has its name';
  if (!/^[A-Za-z0-9_.+-]{1,128}$/.test(untrustedName)) return 'that is not a name for a pool';
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(untrustedDriver))
    return `'${printable(untrustedDriver)}' is not the name of a driver`;
  return undefined;
}
