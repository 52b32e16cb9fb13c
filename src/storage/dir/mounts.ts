import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layer, TreeMount } from '../volume.ts';
import { type StoredLayer, treeOf } from './layer-store.ts';
import { makeDirectory } from './place.ts';
import { partName } from './targets.ts';

/** Mount targets of a state, `/` first and each before what is mounted below it. */
export function targetsOf(chain: readonly StoredLayer[]): string[] {
  const targets = new Set(['/']);
  for (const layer of chain) for (const target of [...layer.trees, ...layer.host.keys()]) targets.add(target);
  return [...targets].sort();
}

/** What a state shows at a target, topmost first. A directory of the host is always lowest. */
export function lowerOf(chain: readonly StoredLayer[], target: string): Layer[] {
  const trees = chain
    .filter((layer) => layer.trees.has(target))
    .map((layer) => ({ path: treeOf(layer, target), idStart: layer.idStart }));
  const host = chain.map((layer) => layer.host.get(target)).find((path) => path !== undefined);
  return host === undefined ? trees : [...trees, { path: host, idStart: 0 }];
}

/** The mounts of a state that is only read. */
export function readOnlyMounts(chain: readonly StoredLayer[]): TreeMount[] {
  return targetsOf(chain).map((target) => ({ target, lower: lowerOf(chain, target) }));
}

/** The mounts that write over the state `below` into the trees in the directory `upper`. */
export function writableMounts(below: readonly StoredLayer[], upper: string): TreeMount[] {
  return targetsOf(below).map((target) => {
    const lower = lowerOf(below, target);
    const mount = { target, lower, upper: join(upper, partName('tree', target)) };
    return lower.length === 0 ? mount : { ...mount, work: join(upper, partName('work', target)) };
  });
}

/**
 * Makes in `directory` the empty trees that go over a state, for ids that start at `idStart`. The top directory of an
 * upper is what the domain sees as the target itself, so each takes mode and (shifted) owner of what it covers.
 */
export async function makeUpperTrees(
  chain: readonly StoredLayer[],
  directory: string,
  idStart: number,
): Promise<void> {
  await Promise.all(
    targetsOf(chain).map(async (target) => {
      const [covered] = lowerOf(chain, target);
      const tree = join(directory, partName('tree', target));
      if (!covered) return makeDirectory(tree, 0o755, idStart);
      const { mode, uid, gid } = await lstat(covered.path);
      const shift = idStart - covered.idStart;
      await makeDirectory(join(directory, partName('work', target)), 0o700, idStart);
      await makeDirectory(tree, mode & 0o7777, uid + shift, gid + shift);
    }),
  );
}
