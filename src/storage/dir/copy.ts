import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../program.ts';
import type { DirContext } from './context.ts';
import { volumeUser } from './layer-id.ts';
import { type StoredLayer, treeOf } from './layer-store.ts';
import { makeLayer } from './new-layer.ts';
import { makeDirectory } from './place.ts';
import { partName } from './targets.ts';

/** A large template on a slow disk. */
const DEADLINE = 60 * 60_000;

/**
 * Copies the layers of another pool one by one; resolves to the new top. Owners, modes, times, holes, links and all
 * attributes (whiteouts are device files and attributes) are as before; on file systems that can, blocks are shared.
 */
export async function copyChain(
  context: DirContext,
  vid: string,
  chain: readonly StoredLayer[],
): Promise<string | null> {
  let below: string | null = null;
  try {
    for (const layer of chain.toReversed()) {
      const copy: string = await makeLayer(context, {
        vid,
        idStart: layer.idStart,
        below,
        fill: (directory) => copyLayer(layer, directory),
      });
      // The copy above keeps it from now on.
      if (below !== null) await context.layers.dropUser(below, volumeUser(vid));
      below = copy;
    }
    return below;
  } catch (thrown) {
    if (below !== null) await context.layers.dropUser(below, volumeUser(vid));
    throw thrown;
  }
}

async function copyLayer(layer: StoredLayer, directory: string): Promise<void> {
  for (const [target, hostPath] of layer.host)
    await symlink(hostPath, join(directory, partName('host', target)));
  for (const target of layer.trees) {
    const from = treeOf(layer, target);
    await runProgram(
      [
        'cp',
        '--archive',
        '--reflink=auto',
        '--sparse=auto',
        '--no-target-directory',
        '--',
        from,
        join(directory, partName('tree', target)),
      ],
      { deadline: DEADLINE, remedy: 'install coreutils' },
    );
    await makeDirectory(join(directory, partName('work', target)), 0o700, layer.idStart);
  }
}
