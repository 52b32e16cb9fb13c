import { once } from 'node:events';
import { open, readlink } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { type Header, type Pack, pack } from 'tar-stream';
import { printable, StoragePoolException } from '../../base/errors.ts';
import type { DirContext, Subject } from './context.ts';
import { explain } from './failure.ts';
import { copyUser } from './layer-id.ts';
import type { StoredLayer } from './layer-store.ts';
import { type MergedEntry, mergedTree } from './merged-tree.ts';
import { committedTip } from './state.ts';

const IDS = 65_536;
const NOBODY = 65_534;

/**
 * The committed state as a tar stream. Call it with the volume's lock: the state is held on to until the stream ends,
 * while the volume goes on being used. Devices, pipes, sockets and extended attributes are left out.
 */
export async function exportData(context: DirContext, subject: Subject): Promise<Readable> {
  const tip = await committedTip(context, subject.config.source ?? subject.vid);
  const user = copyUser(context.place.uniqueName());
  if (tip !== null) await context.layers.addUser(tip, user);
  const stream = exportState(await context.layers.chain(tip));
  stream.once('close', () => {
    if (tip !== null) context.chores.start(user, () => context.layers.dropUser(tip, user));
  });
  return stream;
}

/** These layers, merged, as a tar stream. */
export function exportState(chain: readonly StoredLayer[]): Readable {
  const archive = pack();
  const abort = new AbortController();
  packState(archive, chain, abort.signal).then(
    () => archive.finalize(),
    (thrown) => archive.destroy(explain('Cannot export', thrown)),
  );
  // Errors reach the reader through the iterator; an archive abandoned half-way reports itself to nobody.
  archive.on('error', () => {});
  const stream = Readable.from(archive);
  stream.once('close', () => {
    abort.abort();
    archive.destroy();
  });
  return stream;
}

async function packState(archive: Pack, chain: readonly StoredLayer[], signal: AbortSignal): Promise<void> {
  const linked = new Map<string, string>();
  for await (const entry of mergedTree(chain)) {
    signal.throwIfAborted();
    await packEntry(archive, entry, linked, signal);
  }
}

/** `linked`: the first name of each file that has several. */
async function packEntry(
  archive: Pack,
  entry: MergedEntry,
  linked: Map<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const { stat, path } = entry;
  const header = headerOf(entry);
  if (stat.isDirectory()) return end(begin(archive, { ...header, type: 'directory' }));
  const inode = `${stat.dev}:${stat.ino}`;
  const linkname = stat.nlink > 1 ? linked.get(inode) : undefined;
  if (linkname !== undefined) return end(begin(archive, { ...header, type: 'link', linkname }));
  if (stat.isSymbolicLink())
    await end(
      begin(archive, {
        ...header,
        type: 'symlink',
        linkname: text(await readlink(path, { encoding: 'buffer' })),
      }),
    );
  else if (stat.isFile())
    await packFile(begin(archive, { ...header, type: 'file', size: stat.size }), entry, signal);
  else return;
  if (stat.nlink > 1) linked.set(inode, header.name);
}

function headerOf({ name, stat, idStart }: MergedEntry): Header {
  return {
    name: name.length > 0 ? text(name) : './',
    // The file type's bits are cut off again; without them tar-stream takes mode 0 for none given.
    mode: stat.mode,
    uid: seenInside(stat.uid, idStart),
    gid: seenInside(stat.gid, idStart),
    mtime: new Date(Math.max(0, stat.mtimeMs)),
  };
}

/** As the kernel does it: what belongs to nobody inside shows as `nobody`. */
function seenInside(id: number, idStart: number): number {
  const inside = id - idStart;
  return inside >= 0 && inside < IDS ? inside : NOBODY;
}

/** An abandoned archive makes its open entry fail too, which is no news to anybody. */
function begin(archive: Pack, header: Header): Writable {
  return archive.entry(header).on('error', () => {});
}

async function packFile(sink: Writable, { path, stat }: MergedEntry, signal: AbortSignal): Promise<void> {
  if (stat.size > 0) {
    const file = await open(path, 'r');
    try {
      const content = file.createReadStream({ autoClose: false, end: stat.size - 1 });
      // A loop left early destroys its stream with an error nobody else may listen to.
      content.on('error', () => {});
      for await (const chunk of content) {
        if (!sink.write(chunk)) await once(sink, 'drain', { signal });
      }
    } finally {
      await file.close();
    }
  }
  await end(sink, signal);
}

async function end(sink: Writable, signal?: AbortSignal): Promise<void> {
  const finished = once(sink, 'finish', signal ? { signal } : {});
  sink.end();
  await finished;
}

/** Names in a tar archive are UTF-8. */
function text(bytes: Buffer): string {
  const name = bytes.toString();
  if (Buffer.from(name).equals(bytes)) return name;
  throw new StoragePoolException(
    `A file's name is not UTF-8 and cannot be exported; rename '${printable(bytes.toString('latin1'))}'`,
  );
}
