import type { Readable } from 'node:stream';
import { type Entry, type Extract, extract } from 'tar-stream';
import { messageOf, printable, QubesException, StoragePoolException } from '../base/errors.ts';

/**
 * Reading an untrusted tar stream (ustar, pax, GNU long names) into something that keeps a tree. Nothing about it is
 * believed: a name that could leave the tree, a device, an id outside a domain's range or more data than allowed
 * refuses the whole stream.
 */

/** One entry, its names and numbers checked; not yet whether its parent is a directory. */
export type TarEntry = TarCommon &
  (
    | { readonly type: 'directory' }
    | { readonly type: 'file'; readonly size: number; readonly content: AsyncIterable<Buffer> }
    /** The target is text for who looks through the link; it may point anywhere. */
    | { readonly type: 'symlink'; readonly target: string }
    /** Another name for a file of this stream. */
    | { readonly type: 'hardlink'; readonly target: readonly string[] }
  );

interface TarCommon {
  /** Parts of the path; empty for the tree's own top. */
  readonly path: readonly string[];
  readonly mode: number;
  /** From 0 to 65535, as seen inside. */
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Every entry costs at least this much, so that empty files can't fill a disk's inodes unnoticed. */
const LEAST_COST = 1024;
const LONGEST_PATH = 4096;
const LONGEST_NAME = 255;
const IDS = 65_536;

/**
 * Calls `put` for each entry in turn; it must use up a file's content. Pipes, which carry nothing, are left out.
 * Rejects with StoragePoolException when the stream is not a tar, ends early, is refused, or holds more than `limit`
 * bytes; else with what `put` or the stream threw.
 */
export async function readTar(
  untrustedData: Readable,
  limit: number,
  put: (entry: TarEntry) => Promise<void>,
): Promise<void> {
  const untrustedEntries = extract();
  const feeding = feed(untrustedData, untrustedEntries);
  try {
    let cost = 0;
    for await (const untrustedEntry of untrustedEntries) {
      const entry = checkedEntry(untrustedEntry);
      cost += LEAST_COST + (entry?.type === 'file' ? entry.size : 0);
      if (cost > limit)
        throw new StoragePoolException(
          `The data is larger than the ${limit} bytes the volume may hold; resize the volume first`,
        );
      if (entry) await put(entry);
      untrustedEntry.resume();
    }
  } catch (thrown) {
    throw thrown instanceof QubesException ? thrown : unreadable(thrown);
  } finally {
    untrustedEntries.destroy();
    untrustedData.destroy();
    await feeding;
  }
}

/** Never rejects: what goes wrong with the data destroys `archive` with it. */
async function feed(untrustedData: Readable, archive: Extract): Promise<void> {
  // A loop left early destroys its stream with an error nobody else may listen to.
  untrustedData.on('error', () => {});
  const closed = new Promise<void>((resolve) => archive.once('close', resolve));
  try {
    for await (const untrustedChunk of untrustedData) {
      if (archive.destroyed) return;
      if (!archive.write(untrustedChunk)) await Promise.race([nextDrain(archive), closed]);
    }
    archive.end();
  } catch (thrown) {
    archive.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
}

function nextDrain(archive: Extract): Promise<void> {
  return new Promise((resolve) => archive.once('drain', resolve));
}

/** A failing disk keeps its own error; anything else that has no code comes from the format. */
function unreadable(thrown: unknown): unknown {
  if (thrown instanceof Error && 'code' in thrown) return thrown;
  return new StoragePoolException(`The data is not a complete tar archive: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}

function checkedEntry(untrusted: Entry): TarEntry | undefined {
  const { header } = untrusted;
  if (header.type === 'fifo') return undefined;
  const path = checkedPath(header.name);
  const common = {
    path,
    mode: header.mode & 0o7777,
    uid: checkedId(header.uid, header.name),
    gid: checkedId(header.gid, header.name),
    mtime: checkedTime(header.mtime),
  };
  if (header.type === 'directory') return { ...common, type: 'directory' };
  if (path.length === 0) throw refused(header.name, 'the top of the tree is a directory');
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      return { ...common, type: 'file', size: checkedSize(header.size, header.name), content: untrusted };
    case 'symlink':
      return { ...common, type: 'symlink', target: checkedLinkText(header.linkname, header.name) };
    case 'link':
      return { ...common, type: 'hardlink', target: checkedPath(header.linkname ?? '') };
    default:
      throw refused(header.name, `entries of type ${printable(String(header.type))} are not taken`);
  }
}

/** Its parts, `.` and empty ones left out. */
function checkedPath(untrustedPath: string): readonly string[] {
  if (untrustedPath.startsWith('/')) throw refused(untrustedPath, 'the path is absolute');
  if (untrustedPath.length > LONGEST_PATH) throw refused(untrustedPath, 'the path is too long');
  if (/[\0\ufffd]/.test(untrustedPath)) throw refused(untrustedPath, 'the name is not UTF-8, or holds a NUL');
  const parts = untrustedPath.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refused(untrustedPath, 'the path leaves the tree');
  if (parts.some((part) => Buffer.byteLength(part) > LONGEST_NAME))
    throw refused(untrustedPath, 'a name is too long');
  return parts;
}

function checkedLinkText(untrustedText: string | null, name: string): string {
  if (untrustedText && untrustedText.length < LONGEST_PATH && !/[\0\ufffd]/.test(untrustedText))
    return untrustedText;
  throw refused(name, 'what the symbolic link points to is missing, too long or not UTF-8');
}

function checkedId(untrustedId: number, name: string): number {
  if (Number.isInteger(untrustedId) && untrustedId >= 0 && untrustedId < IDS) return untrustedId;
  throw refused(name, `it belongs to id ${untrustedId}; ids go from 0 to ${IDS - 1}`);
}

function checkedSize(untrustedSize: number, name: string): number {
  if (Number.isSafeInteger(untrustedSize) && untrustedSize >= 0) return untrustedSize;
  throw refused(name, `its size is ${untrustedSize}`);
}

function checkedTime(untrustedTime: Date): number {
  const seconds = untrustedTime.getTime() / 1000;
  return seconds >= 0 && seconds < 2 ** 34 ? seconds : 0;
}

export function refused(untrustedName: string, why: string): StoragePoolException {
  return new StoragePoolException(`The data is refused at '${printable(untrustedName)}': ${why}`);
}
