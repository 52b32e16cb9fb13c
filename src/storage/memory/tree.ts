/** A file of a tree in memory. Directories are those of the files' paths. */
export interface MemoryFile {
  readonly content: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** By path, `etc/hostname`. Files are never changed, only replaced, so a copy of the map is a snapshot. */
export type MemoryTree = Map<string, MemoryFile>;

export function treeSize(tree: MemoryTree): number {
  let bytes = 0;
  for (const { content } of tree.values()) bytes += content.length;
  return bytes;
}
