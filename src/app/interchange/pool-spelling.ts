/**
 * Pools in the words of Qubes. It stops at a volume whose pool it cannot open, and wants a pool for kernels: pools
 * of drivers it does not have become directories, the kernels' pool is added, and the pools as they were go along
 * in an element that Qubes ignores: `<bulkhead><pools>...</pools></bulkhead>`.
 */
import { element, XmlNode } from '../../xml/node.ts';
import { writeXml } from '../../xml/writer.ts';

const driversOfQubes = new Set(['file', 'file-reflink', 'lvm_thin', 'linux-kernel', 'callback', 'zfs']);
const kernelPool = element('pool', {
  name: 'linux-kernel',
  dir_path: '/var/lib/qubes/vm-kernels',
  driver: 'linux-kernel',
});

/** `<pools>` that Qubes can load. */
export function poolsForQubes(pools: readonly XmlNode[]): XmlNode {
  const spelled = pools.map((pool) =>
    driversOfQubes.has(pool.attribute('driver') ?? '') ? pool : asDirectory(pool),
  );
  const hasKernels = pools.some((pool) => pool.attribute('name') === 'linux-kernel');
  return element('pools', {}, ...spelled, ...(hasKernels ? [] : [kernelPool]));
}

/** The pools that were exported as these; these themselves when they came from elsewhere or were changed since. */
export function ownPools(untrustedRoot: XmlNode): readonly XmlNode[] {
  const pools = untrustedRoot.element('pools')?.elements('pool') ?? [];
  const own = untrustedRoot.element('bulkhead')?.element('pools')?.elements('pool');
  if (own === undefined) return pools;
  const unchanged = writeXml(poolsForQubes(own)) === writeXml(new XmlNode('pools', [], pools));
  return unchanged ? own : pools;
}

function asDirectory(pool: XmlNode): XmlNode {
  const name = pool.attribute('name') ?? '';
  const path = pool.attribute('dir_path') ?? `/var/lib/qubes/pools/${name}`;
  return element('pool', { name, dir_path: path, driver: 'file-reflink' });
}
