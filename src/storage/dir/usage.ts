import { lstat, readdir } from 'node:fs/promises';
import type { DirContext, Subject } from './context.ts';
import { unless } from './failure.ts';
import { treeOf } from './layer-store.ts';
import { readRecord, tipsOf } from './record.ts';
import { readRun } from './run.ts';

/** How many files are asked about at once: enough to keep the disk busy, few enough to leave threads to others. */
const AT_ONCE = 16;

/** Bytes on disk of everything a volume's record and run name. */
export async function usageOf(context: DirContext, subject: Subject): Promise<number> {
  const record = await readRecord(subject.path);
  const run = await readRun(subject.path);
  const tips = new Set(record ? tipsOf(record) : []);
  if (record && run?.tip) tips.add(run.tip);
  const trees = new Set<string>(run ? [run.path] : []);
  for (const tip of tips) {
    for (const layer of await context.layers.chain(tip)) {
      for (const target of layer.trees) trees.add(treeOf(layer, target));
    }
  }
  let bytes = 0;
  for (const tree of trees) bytes += await bytesBelow(Buffer.from(tree));
  return bytes;
}

/** A file that goes meanwhile counts nothing. */
async function bytesBelow(directory: Buffer): Promise<number> {
  const names = (await unless(['ENOENT', 'ENOTDIR'], readdir(directory, { encoding: 'buffer' }))) ?? [];
  let bytes = 0;
  const subdirectories: Buffer[] = [];
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const paths = names.slice(from, from + AT_ONCE).map((name) => below(directory, name));
    const stats = await Promise.all(paths.map((path) => unless('ENOENT', lstat(path))));
    stats.forEach((stat, index) => {
      bytes += (stat?.blocks ?? 0) * 512;
      if (stat?.isDirectory()) subdirectories.push(paths[index] as Buffer);
    });
  }
  for (const subdirectory of subdirectories) bytes += await bytesBelow(subdirectory);
  return bytes;
}

/** Names inside domains are bytes, not text: paths to them are Buffers. */
export function below(directory: Buffer, name: Buffer | string): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), typeof name === 'string' ? Buffer.from(name) : name]);
}
