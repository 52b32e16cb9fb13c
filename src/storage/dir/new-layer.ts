import { chmod, lchown } from 'node:fs/promises';
import type { DirContext } from './context.ts';
import { type LayerUser, volumeUser } from './layer-id.ts';
import { layerMode } from './layer-store.ts';
import { prepare } from './run.ts';

export interface NewLayer {
  /** The volume it is made for, and its first user. */
  readonly vid: string;
  readonly idStart: number;
  readonly below: string | null;
  /** Who uses it first, when not the volume itself. */
  readonly user?: LayerUser;
  /** Fills the layer's directory: its trees, work directories and links to the host. */
  fill(directory: string): Promise<void>;
}

/** Makes a layer, or leaves nothing behind. */
export async function makeLayer(context: DirContext, layer: NewLayer): Promise<string> {
  const prepared = await prepare(context.place);
  try {
    await layer.fill(prepared);
    await lchown(prepared, layer.idStart, layer.idStart);
    await chmod(prepared, layerMode(layer.idStart));
    const user = layer.user ?? volumeUser(layer.vid);
    return await context.layers.add(prepared, layer.vid, layer.below, user);
  } catch (thrown) {
    await context.trash.take(prepared);
    throw thrown;
  }
}
