import type { Dirent, Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { Layer } from '../volume.ts';
import type { StoredLayer } from './layer-store.ts';
import { entriesOf } from './merge.ts';
import { lowerOf, targetsOf } from './mounts.ts';
import { isOpaque, isWhiteout } from './overlay.ts';
import { below } from './usage.ts';

/** One file of a state, as a domain sees it. */
export interface MergedEntry {
  /** Relative to the top of the tree; empty for the top itself. */
  readonly name: Buffer;
  /** Where its content lies on the host. */
  readonly path: Buffer;
  readonly stat: Stats;
  /** Owner and group in `stat` count from here. */
  readonly idStart: number;
}

interface Directory {
  readonly path: Buffer;
  readonly idStart: number;
}

/** What all layers of a state show together, directories before what is in them, names in order. */
export async function* mergedTree(chain: readonly StoredLayer[]): AsyncGenerator<MergedEntry> {
  const targets = new Map(targetsOf(chain).map((target) => [target.slice(1), lowerOf(chain, target)]));
  const tops = targets.get('') ?? [];
  if (tops.length > 0) yield* walk(Buffer.alloc(0), tops.map(asDirectory), targets);
}

async function* walk(
  name: Buffer,
  layers: readonly Directory[],
  targets: ReadonlyMap<string, readonly Layer[]>,
): AsyncGenerator<MergedEntry> {
  const mounted = name.length > 0 ? targets.get(name.toString()) : undefined;
  const directories = mounted ? mounted.map(asDirectory) : layers;
  const [top] = directories;
  if (!top) return;
  yield { name, path: top.path, stat: await lstat(top.path), idStart: top.idStart };
  for (const [key, found] of [...(await visibleIn(directories))].sort(([one], [other]) =>
    one < other ? -1 : 1,
  )) {
    const child = Buffer.from(key, 'latin1');
    const childName = name.length > 0 ? below(name, child) : child;
    if (found.isDirectory) yield* walk(childName, found.places, targets);
    else
      for (const { path, idStart } of found.places)
        yield { name: childName, path, stat: await lstat(path), idStart };
  }
}

interface Found {
  readonly isDirectory: boolean;
  /** A file's one place; those of a directory that show through each other. None for a whiteout. */
  readonly places: Directory[];
  /** Lower ones don't show through. */
  closed: boolean;
}

/** By name, what shows of these layers of one directory. */
async function visibleIn(layers: readonly Directory[]): Promise<Map<string, Found>> {
  const visible = new Map<string, Found>();
  for (const layer of layers) {
    for (const [key, entry] of await entriesOf(layer.path)) await addTo(visible, key, entry, layer);
    if (await isOpaque(layer.path)) break;
  }
  return visible;
}

async function addTo(
  visible: Map<string, Found>,
  key: string,
  entry: Dirent<Buffer>,
  layer: Directory,
): Promise<void> {
  const above = visible.get(key);
  if (above?.closed) return;
  const path = below(layer.path, entry.name);
  const place = { path, idStart: layer.idStart };
  if (above && !entry.isDirectory()) above.closed = true;
  else if (above) above.places.push(place);
  else if (await isWhiteout(path, entry)) visible.set(key, { isDirectory: false, places: [], closed: true });
  else visible.set(key, { isDirectory: entry.isDirectory(), places: [place], closed: !entry.isDirectory() });
}

function asDirectory(layer: Layer): Directory {
  return { path: Buffer.from(layer.path), idStart: layer.idStart };
}
