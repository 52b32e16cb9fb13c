import type { FileHandle } from 'node:fs/promises';
import { chmod, lchown, link, lstat, lutimes, mkdir, open, rmdir, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { readTar, refused, type TarEntry } from '../tree-tar.ts';
import { unless } from './failure.ts';

export interface ExtractOptions {
  /** What the archive's id 0 becomes. */
  readonly idStart: number;
  /** Bytes it may hold. */
  readonly limit: number;
}

/** Unpacks an untrusted tar stream into an empty directory that nobody else writes. */
export async function extractTar(
  untrustedData: Readable,
  root: string,
  options: ExtractOptions,
): Promise<void> {
  const extraction = new Extraction(root, options.idStart);
  await readTar(untrustedData, options.limit, (entry) => extraction.put(entry));
  await extraction.finish();
}

/** Blocks of zeros of this size become holes. */
const HOLE = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE);

class Extraction {
  readonly #root: string;
  readonly #idStart: number;
  /** Every directory made here, with what it shall have in the end. Only below these is anything written. */
  readonly #directories = new Map<string, TarEntry | undefined>([['', undefined]]);

  constructor(root: string, idStart: number) {
    this.#root = root;
    this.#idStart = idStart;
  }

  async put(entry: TarEntry): Promise<void> {
    const name = entry.path.join('/');
    await this.#makeDirectories(entry.path.slice(0, -1));
    if (entry.type === 'directory') {
      await this.#makeDirectories(entry.path);
      this.#directories.set(name, entry);
      return;
    }
    const path = join(this.#root, name);
    await this.#makeRoom(name, path);
    if (entry.type === 'hardlink') return this.#link(entry.target, path);
    if (entry.type === 'symlink') await symlink(entry.target, path);
    else await writeFile(path, entry.content);
    await this.#dress(path, entry);
  }

  /** Directories last, deepest first: writing into one changes its time, and its mode may forbid it. */
  async finish(): Promise<void> {
    for (const [name, entry] of [...this.#directories].reverse()) {
      if (entry) await this.#dress(join(this.#root, name), entry);
    }
  }

  async #makeDirectories(parts: readonly string[]): Promise<void> {
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const name = parts.slice(0, depth).join('/');
      if (this.#directories.has(name)) continue;
      const path = join(this.#root, name);
      const made = await unless(
        'EEXIST',
        mkdir(path).then(() => true),
      );
      if (!made) throw refused(name, 'it was a file or a link before, and now a directory');
      this.#directories.set(name, undefined);
      await lchown(path, this.#idStart, this.#idStart);
      await chmod(path, 0o755);
    }
  }

  /** As tar does, a later entry replaces an earlier one; a directory only while it is empty. */
  async #makeRoom(name: string, path: string): Promise<void> {
    if (!this.#directories.has(name)) {
      await unless('ENOENT', unlink(path));
      return;
    }
    const removed = await unless(
      'ENOTEMPTY',
      rmdir(path).then(() => true),
    );
    if (!removed) throw refused(name, 'it was a directory before, with something in it');
    this.#directories.delete(name);
  }

  /** link(2) follows no symbolic link at the end, and no part before it can be one. */
  async #link(target: readonly string[], path: string): Promise<void> {
    const name = target.join('/');
    const from = join(this.#root, name);
    const isInside = this.#directories.has(target.slice(0, -1).join('/'));
    const stat = isInside ? await unless('ENOENT', lstat(from)) : undefined;
    if (!stat || stat.isDirectory())
      throw refused(name, 'a hard link to it, but it is no file of this archive');
    await link(from, path);
  }

  /** Owner first: changing it clears set-user-id bits. */
  async #dress(path: string, entry: TarEntry): Promise<void> {
    await lchown(path, this.#idStart + entry.uid, this.#idStart + entry.gid);
    if (entry.type !== 'symlink') await chmod(path, entry.mode);
    await lutimes(path, entry.mtime, entry.mtime);
  }
}

async function writeFile(path: string, content: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    let position = 0;
    for await (const chunk of content) {
      for (let from = 0; from < chunk.length; from += HOLE)
        await writeUnlessZero(file, chunk.subarray(from, from + HOLE), position + from);
      position += chunk.length;
    }
    await file.truncate(position);
  } finally {
    await file.close();
  }
}

async function writeUnlessZero(file: FileHandle, block: Buffer, position: number): Promise<void> {
  if (block.equals(ZEROS.subarray(0, block.length))) return;
  for (let done = 0; done < block.length; ) {
    const { bytesWritten } = await file.write(block, done, block.length - done, position + done);
    done += bytesWritten;
  }
}
