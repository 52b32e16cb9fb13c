import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Turns } from '../../base/turns.ts';
import { runProgram } from '../program.ts';
import { unless } from './failure.ts';
import type { Place } from './place.ts';

/** A tree of millions of files on a slow disk. */
const DEADLINE = 60 * 60_000;

/**
 * What is to be deleted: renamed aside at once, deleted one after another later. A crash leaves it for the next
 * {@link sweep}.
 */
export class Trash {
  readonly #place: Place;
  readonly #deletions = new Turns();
  #last: Promise<void> = Promise.resolve();

  constructor(place: Place) {
    this.#place = place;
  }

  /** Makes the path be gone; harmless when it already is. */
  async take(path: string | Buffer): Promise<void> {
    const aside = join(this.#place.trash, this.#place.uniqueName());
    const gone = await unless(
      ['ENOENT', 'ENOTDIR'],
      rename(path, aside).then(() => true),
    );
    if (gone) this.#delete(aside);
  }

  /** Deletes what earlier lives of the daemon left in the trash or unfinished. Call it before anything is made. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.#place.trash)) this.#delete(join(this.#place.trash, name));
    for (const name of await readdir(this.#place.unfinished))
      await this.take(join(this.#place.unfinished, name));
  }

  /** Resolves when nothing waits to be deleted. */
  async empty(): Promise<void> {
    while (!this.#deletions.idle) await this.#last;
  }

  /** What cannot be deleted now stays in the trash, where the next sweep tries again. */
  #delete(aside: string): void {
    this.#last = this.#deletions.run(() => deleteTree(aside)).catch(() => {});
  }
}

/** A domain can nest directories deeper than any path can say; `rm` goes down name by name. */
async function deleteTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENAMETOOLONG') throw error;
    return runProgram(['rm', '--recursive', '--force', '--one-file-system', '--', path], {
      deadline: DEADLINE,
      remedy: 'install coreutils',
    });
  });
}
