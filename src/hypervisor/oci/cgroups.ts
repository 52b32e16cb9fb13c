import { readdir, readFile, rmdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from './within.ts';

const CGROUP_ROOT = '/sys/fs/cgroup';
const CGROUP2_MAGIC = 0x6367_7270;

/**
 * The control groups of the domains, on a machine with one unified hierarchy (v2) or with the older ones beside it
 * (v1, "hybrid"). The runtime makes a domain's groups; here they are watched, frozen, killed, measured and removed,
 * by their files alone.
 */
export class Cgroups {
  readonly #parent: string;
  /** The v2 hierarchy, if it is mounted. */
  readonly #unified: string | undefined;
  /** Everything is in the v2 hierarchy. */
  readonly #pure: boolean;

  private constructor(parent: string, unified: string | undefined) {
    this.#parent = parent;
    this.#unified = unified;
    this.#pure = unified === CGROUP_ROOT;
  }

  /** Looks how this machine is set up. `parent` is the group, a child of the root, that holds the domains' groups. */
  static async detect(parent: string): Promise<Cgroups> {
    for (const place of [CGROUP_ROOT, join(CGROUP_ROOT, 'unified')])
      if (await isUnified(place)) return new Cgroups(parent, place);
    return new Cgroups(parent, undefined);
  }

  /** A domain's group, as the runtime wants it in `config.json`. */
  pathOf(id: string): string {
    return `/${this.#parent}/${id}`;
  }

  /** Is there any process left in the domain's groups? */
  async isPopulated(id: string): Promise<boolean> {
    const events =
      this.#unified && (await readOrEmpty(join(this.#group(this.#unified, id), 'cgroup.events')));
    if (events && /^populated 1$/m.test(events)) return true;
    return !this.#pure && (await readOrEmpty(join(this.#v1('freezer', id), 'cgroup.procs'))) !== '';
  }

  /** Waits until no process is left; rejects after `deadline` milliseconds. */
  async whenEmpty(id: string, deadline: number): Promise<void> {
    const why = `processes of domain ${id} do not end; something keeps the kernel from ending them`;
    await within(deadline, why, async () => !(await this.isPopulated(id)));
  }

  /** Kills every process of the domain, frozen or not, and waits for their end. */
  async kill(id: string, deadline: number): Promise<void> {
    const end = performance.now() + deadline;
    do {
      await this.#killOnce(id);
      const left = end - performance.now();
      const again = await this.whenEmpty(id, Math.min(250, Math.max(left, 0))).then(
        () => false,
        () => true,
      );
      if (!again) return;
    } while (performance.now() < end);
    await this.whenEmpty(id, 0);
  }

  async #killOnce(id: string): Promise<void> {
    const group = this.#unified && this.#group(this.#unified, id);
    if (!group || !(await writeIfThere(join(group, 'cgroup.kill'), '1'))) await this.#killOneByOne(id);
    if (!this.#pure) await writeIfThere(join(this.#v1('freezer', id), 'freezer.state'), 'THAWED');
  }

  /** For kernels before 5.14, and groups that only exist in the older hierarchies. */
  async #killOneByOne(id: string): Promise<void> {
    const group = this.#pure ? this.#group(CGROUP_ROOT, id) : this.#v1('freezer', id);
    for (const line of (await readOrEmpty(join(group, 'cgroup.procs'))).split('\n')) {
      const pid = Number(line);
      if (Number.isSafeInteger(pid) && pid > 1) signalIfThere(pid);
    }
  }

  async freeze(id: string): Promise<void> {
    await (this.#pure
      ? writeFile(join(this.#group(CGROUP_ROOT, id), 'cgroup.freeze'), '1')
      : writeFile(join(this.#v1('freezer', id), 'freezer.state'), 'FROZEN'));
  }

  async thaw(id: string): Promise<void> {
    await (this.#pure
      ? writeFile(join(this.#group(CGROUP_ROOT, id), 'cgroup.freeze'), '0')
      : writeFile(join(this.#v1('freezer', id), 'freezer.state'), 'THAWED'));
  }

  /** Has the last process been frozen? */
  async isFrozen(id: string): Promise<boolean> {
    if (this.#pure)
      return /^frozen 1$/m.test(await readOrEmpty(join(this.#group(CGROUP_ROOT, id), 'cgroup.events')));
    return (await readOrEmpty(join(this.#v1('freezer', id), 'freezer.state'))).trim() === 'FROZEN';
  }

  /** Bytes of memory and nanoseconds of cpu time in use. */
  async stats(id: string): Promise<{ memory: number; cpuTime: bigint }> {
    if (!this.#pure)
      return {
        memory: Number(await readFile(join(this.#v1('memory', id), 'memory.usage_in_bytes'), 'utf8')),
        cpuTime: BigInt((await readFile(join(this.#v1('cpuacct', id), 'cpuacct.usage'), 'utf8')).trim()),
      };
    const group = this.#group(CGROUP_ROOT, id);
    const usage = /^usage_usec (\d+)$/m.exec(await readFile(join(group, 'cpu.stat'), 'utf8'));
    return {
      memory: Number(await readFile(join(group, 'memory.current'), 'utf8')),
      cpuTime: BigInt(usage?.[1] ?? 0) * 1000n,
    };
  }

  /** Removes the domain's groups from every hierarchy. They must be empty. Harmless where there are none. */
  async remove(id: string): Promise<void> {
    for (const hierarchy of await this.#hierarchies()) await removeGroup(this.#group(hierarchy, id));
  }

  async #hierarchies(): Promise<string[]> {
    if (this.#pure) return [CGROUP_ROOT];
    return (await readdir(CGROUP_ROOT)).map((name) => join(CGROUP_ROOT, name));
  }

  #group(hierarchy: string, id: string): string {
    return join(hierarchy, this.#parent, id);
  }

  #v1(controller: string, id: string): string {
    return this.#group(join(CGROUP_ROOT, controller), id);
  }
}

async function isUnified(path: string): Promise<boolean> {
  return statfs(path).then(
    (info) => info.type === CGROUP2_MAGIC,
    () => false,
  );
}

/** ENOENT: no such group. ENODEV: it went away while it was read. */
async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return '';
    throw error;
  });
}

async function writeIfThere(path: string, text: string): Promise<boolean> {
  return writeFile(path, text, { flag: 'r+' }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENODEV') return false;
      throw error;
    },
  );
}

function signalIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

/** A group that was populated a moment ago can still be busy. */
async function removeGroup(path: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await rmdir(path);
    } catch (thrown) {
      const code = (thrown as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') return;
      if (code !== 'EBUSY' || attempt === 20) throw thrown;
      await sleep(5);
    }
  }
}
