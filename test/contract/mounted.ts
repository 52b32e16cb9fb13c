import { execFile } from 'node:child_process';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Attachment, TreeMount } from '../../src/storage/volume.ts';

const run = promisify(execFile);

/** Mounts a tree as an engine would (but for id maps), for as long as `use` takes. Needs root. */
export async function whileMounted<T>(attachment: Attachment, use: (root: string) => Promise<T>): Promise<T> {
  if (attachment.kind !== 'tree') throw new Error(`cannot mount a ${attachment.kind} here`);
  const root = await mkdtemp(join(tmpdir(), 'bulkhead-mounted-'));
  const mounted: string[] = [];
  try {
    for (const mount of attachment.mounts) {
      const at = join(root, mount.target);
      await run('mount', argumentsFor(mount, at), { timeout: 10_000 });
      mounted.unshift(at);
    }
    return await use(root);
  } finally {
    for (const at of mounted) await run('umount', [at], { timeout: 10_000 });
    await rmdir(root);
  }
}

function argumentsFor({ lower, upper, work }: TreeMount, at: string): string[] {
  const layers = lower.map(({ path }) => path);
  const [only] = layers;
  if (only === undefined) return ['--bind', upper ?? '', at];
  if (upper === undefined && layers.length === 1) return ['--bind', '-o', 'ro', only, at];
  const options = [`lowerdir=${layers.join(':')}`, 'redirect_dir=off', 'metacopy=off', 'index=off'];
  if (upper !== undefined) options.push(`upperdir=${upper}`, `workdir=${work}`);
  return ['-t', 'overlay', '-o', options.join(','), 'overlay', at];
}
