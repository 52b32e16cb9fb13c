import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const CGROUPS = '/sys/fs/cgroup';
const PATIENCE_MS = 20_000;

/** What one daemon's system has on the machine, seen from the machine's side and not the daemon's. */
export class HostView {
  readonly #directory: string;
  /** Every domain it ever was seen to have. */
  readonly #uuids = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Notes the domains there are traces of. Those in the state itself can be seen only while no daemon runs. */
  remember(): void {
    for (const part of ['domains', 'runtime'])
      for (const uuid of list(`${this.#directory}/run/oci/${part}`)) this.#uuids.add(uuid);
    for (const uuid of this.#storedUuids()) this.#uuids.add(uuid);
  }

  /** Domains that are known to exist or to have existed. */
  expect(uuids: Iterable<string>): void {
    for (const uuid of uuids) this.#uuids.add(uuid);
  }

  /**
   * What is there of domains other than `running`: control groups in every hierarchy, processes, mounts in every mount
   * namespace, run files, and processes that were started for the system.
   */
  leftovers(running: Iterable<string> = [], daemonPid?: number): string[] {
    this.remember();
    const allowed = new Set(running);
    const found: string[] = [];
    for (const path of this.groups())
      if (!allowed.has(path.slice(path.lastIndexOf('/') + 1))) found.push(path);
    for (const part of ['domains', 'runtime'])
      for (const uuid of list(`${this.#directory}/run/oci/${part}`))
        if (!allowed.has(uuid)) found.push(`run/oci/${part}/${uuid}`);
    found.push(...this.#processes(allowed, daemonPid), ...this.#mounts(allowed));
    return found;
  }

  /** The same once what is on its way out has had its time. */
  async settledLeftovers(running: Iterable<string> = [], daemonPid?: number): Promise<string[]> {
    const allowed = [...running];
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = this.leftovers(allowed, daemonPid);
      if (found.length === 0 || Date.now() > deadline) return found;
      await sleep(20);
    }
  }

  /** Control groups of its domains. */
  groups(): string[] {
    return ['.', ...list(CGROUPS)].flatMap((hierarchy) =>
      list(`${CGROUPS}/${hierarchy}/bulkhead`)
        .filter((name) => this.#uuids.has(name))
        .map((name) => `${CGROUPS}/${hierarchy}/bulkhead/${name}`),
    );
  }

  /** Processes in a domain's control groups, by the host's numbering. */
  processesOf(uuid: string): number[] {
    const numbers = new Set<number>();
    for (const hierarchy of ['.', ...list(CGROUPS)])
      for (const line of read(`${CGROUPS}/${hierarchy}/bulkhead/${uuid}/cgroup.procs`).split('\n'))
        if (line !== '') numbers.add(Number(line));
    return [...numbers].sort((a, b) => a - b);
  }

  /** Ends and removes everything, without the daemon's help. */
  async clear(): Promise<void> {
    this.remember();
    const deadline = Date.now() + PATIENCE_MS;
    while (this.groups().length > 0) {
      for (const path of this.groups()) endGroup(path);
      if (Date.now() > deadline) throw new Error(`cannot remove ${this.groups().join(', ')}`);
      await sleep(20);
    }
    for (const place of mountsBelow('self', this.#directory).reverse())
      execFileSync('umount', ['-l', place], { timeout: 10_000 });
  }

  /** Lines of any mount table that name the directory, but for the namespaces of running domains. */
  #mounts(allowed: ReadonlySet<string>): string[] {
    const seen = new Set<string>();
    const found: string[] = [];
    const spared = new Set(
      [...allowed].flatMap((uuid) => this.processesOf(uuid).map((pid) => namespaceOf(pid))),
    );
    for (const pid of processes()) {
      const namespace = namespaceOf(pid);
      if (namespace === '' || seen.has(namespace) || spared.has(namespace)) continue;
      seen.add(namespace);
      for (const line of read(`/proc/${pid}/mountinfo`).split('\n'))
        if (line.includes(`${this.#directory}/`)) found.push(`mount of process ${pid}: ${line}`);
    }
    return found;
  }

  /** Processes of domains that should not run, and helpers whose command line names the system. */
  #processes(allowed: ReadonlySet<string>, daemonPid: number | undefined): string[] {
    return processes().flatMap((pid) => {
      if (pid === daemonPid || pid === process.pid) return [];
      const group = /\/bulkhead\/([0-9a-f-]{36})/.exec(read(`/proc/${pid}/cgroup`))?.[1];
      if (group !== undefined)
        return this.#uuids.has(group) && !allowed.has(group) ? [`process ${pid} of domain ${group}`] : [];
      const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
      return command.includes(`${this.#directory}/`) ? [`process ${pid}: ${command}`] : [];
    });
  }

  #storedUuids(): string[] {
    const path = `${this.#directory}/state/qubes.db`;
    if (!existsSync(path)) return [];
    try {
      using database = new DatabaseSync(path, { readOnly: true });
      const rows = database.prepare("SELECT key FROM record WHERE key LIKE '%/%'").all();
      return rows.map(({ key }) => String(key).replace(/^.*\//, '')).filter((id) => id.length === 36);
    } catch {
      return []; // a daemon holds it, or it is not a database yet
    }
  }
}

function endGroup(path: string): void {
  try {
    writeFileSync(`${path}/cgroup.kill`, '1', { flag: 'r+' });
  } catch {
    // an older hierarchy: the unified one beside it does the killing
  }
  try {
    writeFileSync(`${path}/freezer.state`, 'THAWED', { flag: 'r+' });
  } catch {
    // not the freezer
  }
  for (const line of read(`${path}/cgroup.procs`).split('\n')) {
    const pid = Number(line);
    if (pid > 1) kill(pid);
  }
  try {
    rmdirSync(path);
  } catch {
    // not empty yet
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone
  }
}

function mountsBelow(pid: string, directory: string): string[] {
  return read(`/proc/${pid}/mountinfo`)
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((place) => place === directory || place.startsWith(`${directory}/`));
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return '';
  }
}

function processes(): number[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Names in a directory; none when it is not there. */
function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** A file's text; empty when it is not there (any more). */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
