import { rename, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { DirContext } from './context.ts';
import { layerUser, volumeUser } from './layer-id.ts';
import { type StoredLayer, treeOf } from './layer-store.ts';
import { mergeDown } from './merge.ts';
import { readRecord } from './record.ts';
import { readRun } from './run.ts';
import { partName } from './targets.ts';

/**
 * Keeps the stack of a stopped volume short: every layer that only the one above it uses is folded into that one.
 * Call it with the volume's lock, which keeps anyone from starting to use its layers; what others already use is left
 * alone. Gives up when `signal` says so, or at a crash, at any point: what both layers show together never changes
 * while one is folded into the other, so the next call carries on.
 */
export async function foldStack(context: DirContext, vid: string, signal: AbortSignal): Promise<void> {
  const path = context.place.volume(vid);
  const record = await readRecord(path);
  if (!record || (await readRun(path))) return;
  const chain = await context.layers.chain(record.tip);
  let user: string = volumeUser(vid);
  let upper: StoredLayer | undefined;
  for (const lower of chain) {
    const users = await context.layers.users(lower.id);
    if (users.some((name) => name !== user && name !== volumeUser(vid))) return;
    const isShared = users.length !== 1 || users[0] !== user;
    if (upper && !isShared && isFoldable(upper, lower)) {
      if (!(await foldInto(context, upper, lower, signal))) return;
      upper = await context.layers.get(upper.id);
    } else {
      upper = lower;
    }
    user = layerUser(upper.id);
  }
}

/** Ids of one range, and no directory of the host, which must stay lowest. */
function isFoldable(upper: StoredLayer, lower: StoredLayer): boolean {
  return upper.idStart === lower.idStart && lower.host.size === 0;
}

/** False when it was given up. */
async function foldInto(
  context: DirContext,
  upper: StoredLayer,
  lower: StoredLayer,
  signal: AbortSignal,
): Promise<boolean> {
  for (const target of lower.trees) {
    const from = treeOf(lower, target);
    const to = join(upper.path, partName('tree', target));
    const discard = (path: Buffer) => context.trash.take(path);
    const merge = { lowest: lower.below === null, signal, discard };
    if (!(await mergeDown(Buffer.from(to), Buffer.from(from), merge))) return false;
  }
  await putOver(context, upper, lower.below);
  context.layers.forget(upper.id);
  await context.layers.dropUser(lower.id, layerUser(upper.id));
  return true;
}

/** From now on the layer lies over `below`. */
async function putOver(context: DirContext, layer: StoredLayer, below: string | null): Promise<void> {
  const link = join(layer.path, 'below');
  if (below === null) return unlink(link);
  await context.layers.addUser(below, layerUser(layer.id));
  const fresh = join(context.place.unfinished, context.place.uniqueName());
  await symlink(`../${below}`, fresh);
  await rename(fresh, link);
}
