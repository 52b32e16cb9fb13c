import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { messageOf, QubesException } from '../../base/errors.ts';
import type { IdRange } from '../../storage/volume.ts';

/** Milliseconds for the helper to make a namespace. */
const DEADLINE = 5_000;
/** Namespaces kept open; each is one file descriptor. */
const CACHE_SIZE = 512;

/**
 * User namespaces to map the ids of mounts with, one for each pair of an id range on disk and one of a domain.
 * Making one takes a child process for an instant (a process with threads can't enter one itself), so they are kept.
 */
export class UserNamespaces implements AsyncDisposable {
  readonly #agent: string;
  readonly #cached = new Map<string, Promise<FileHandle>>();

  constructor(agent: string) {
    this.#agent = agent;
  }

  /** A descriptor of the namespace in which `idStart` on disk is `ids.start` outside; good until this is disposed. */
  async descriptor(idStart: number, ids: IdRange): Promise<number> {
    const map = `${idStart} ${ids.start} ${ids.length}`;
    const made = this.#cached.get(map) ?? makeNamespace(this.#agent, map);
    this.#cached.delete(map); // put back as the youngest
    this.#cached.set(map, made);
    made.catch(() => this.#cached.delete(map));
    this.#forgetOldest();
    return (await made).fd;
  }

  #forgetOldest(): void {
    const oldest = this.#cached.size > CACHE_SIZE ? this.#cached.entries().next().value : undefined;
    if (!oldest) return;
    this.#cached.delete(oldest[0]);
    void oldest[1].then((handle) => handle.close()).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#cached.values()];
    this.#cached.clear();
    for (const handle of await Promise.allSettled(all))
      if (handle.status === 'fulfilled') await handle.value.close();
  }
}

async function makeNamespace(agent: string, map: string): Promise<FileHandle> {
  const holder = spawn(agent, ['--hold-namespace'], { stdio: ['pipe', 'pipe', 'ignore'] });
  holder.on('error', () => undefined); // `ready` hears of it
  holder.stdin.on('error', () => undefined);
  const timer = setTimeout(() => holder.kill('SIGKILL'), DEADLINE);
  try {
    await ready(holder);
    await writeFile(`/proc/${holder.pid}/uid_map`, map);
    await writeFile(`/proc/${holder.pid}/gid_map`, map);
    return await open(`/proc/${holder.pid}/ns/user`);
  } catch (thrown) {
    throw new QubesException(`cannot make a user namespace mapping '${map}': ${messageOf(thrown)}`);
  } finally {
    clearTimeout(timer);
    holder.stdin.end();
  }
}

/** The holder says one byte once it is in its namespace. */
async function ready(holder: ChildProcess): Promise<void> {
  const failed = new AbortController();
  const ended = once(holder, 'exit', { signal: failed.signal }).then(([code, signal]) => {
    throw new QubesException(`the agent's helper ended (${signal ?? `exit ${code}`})`);
  });
  try {
    if (!holder.stdout) throw new QubesException('the helper has no output');
    await Promise.race([once(holder.stdout, 'data'), ended]);
  } finally {
    failed.abort();
    ended.catch(() => undefined);
  }
}
