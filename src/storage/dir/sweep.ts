import type { DirContext } from './context.ts';
import { parsedUser } from './layer-id.ts';
import { usesLayer } from './state.ts';

/**
 * Sets right what a crash left between two steps: users of layers that say they use it but don't, and layers nobody
 * uses. What this life of the daemon made is left alone: it may just be in the making.
 */
export async function sweep(context: DirContext, signal: AbortSignal): Promise<void> {
  for (const id of await context.layers.list()) {
    if (context.place.madeByThisLife(id)) continue;
    for (const user of await context.layers.users(id)) {
      if (signal.aborted) return;
      await dropIfStale(context, id, user);
    }
    await context.layers.removeIfUnused(id);
  }
}

async function dropIfStale(context: DirContext, id: string, user: string): Promise<void> {
  const parsed = parsedUser(user);
  if (!parsed || context.place.madeByThisLife(parsed.id)) return;
  if (parsed.kind === 'volume' || parsed.kind === 'snapshot')
    return context.locks.hold([parsed.id], async () => {
      if (!(await usesLayer(context, parsed.id, id))) await context.layers.dropUser(id, user);
    });
  if (parsed.kind === 'layer' && (await liesOver(context, parsed.id, id))) return;
  await context.layers.dropUser(id, user);
}

async function liesOver(context: DirContext, upper: string, lower: string): Promise<boolean> {
  try {
    return (await context.layers.get(upper)).below === lower;
  } catch {
    return false;
  }
}
