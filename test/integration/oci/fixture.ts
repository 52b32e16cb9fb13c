import { randomUUID } from 'node:crypto';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { silentLog } from '../../../src/base/log.ts';
import type { DomainSpec, ExecRequest, Hypervisor } from '../../../src/hypervisor/hypervisor.ts';
import { OciHypervisor, type OciOptions } from '../../../src/hypervisor/oci/oci-hypervisor.ts';
import type { IdRange } from '../../../src/storage/volume.ts';
import { type CommandOutcome, runCommand } from '../../contract/run-command.ts';

/** Real containers from directories made by hand: a skeleton as `/`, the machine's own `/usr` in it. */

/** `BULKHEAD_TEST_AGENT` puts another build in its place, such as one with sanitizers. */
export const AGENT =
  process.env['BULKHEAD_TEST_AGENT'] ?? resolve(import.meta.dirname, '../../../agent/build/bulkhead-agent');

/** These tests start containers for real. Without the rights to, they fail: a skipped test proves nothing. */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new Error(
    'THESE TESTS NEED ROOT: they start real containers. Run them as root, or in a container as root.',
  );
}

export class Workshop implements AsyncDisposable {
  readonly directory: string;
  readonly hypervisor: OciHypervisor;
  readonly #uuids = new Set<string>();
  #nextRange = 700_000_000;

  private constructor(directory: string, hypervisor: OciHypervisor) {
    this.directory = directory;
    this.hypervisor = hypervisor;
  }

  static async open(options: Partial<OciOptions> = {}): Promise<Workshop> {
    requireRoot();
    const directory = await mkdtemp(join(tmpdir(), 'bulkhead-oci-'));
    await chmod(directory, 0o711);
    await makeSkeleton(join(directory, 'skeleton'));
    return new Workshop(directory, engine(directory, options));
  }

  /** A spec with fresh volumes. The same `uuid` gives the same volumes again. */
  async spec(changes: Partial<DomainSpec> = {}): Promise<DomainSpec> {
    const uuid = changes.uuid ?? randomUUID();
    const ids = changes.ids ?? { start: this.#nextRange, length: 65_536 };
    this.#nextRange += 65_536;
    this.#uuids.add(uuid);
    const home = join(this.directory, 'volumes', uuid);
    const root = await overlayDirectories(join(home, 'root'), ids);
    const usr = await overlayDirectories(join(home, 'usr'), ids);
    const [privateDirectory, volatile] = [join(home, 'private'), join(home, 'volatile')];
    for (const path of [privateDirectory, volatile]) await ownedDirectory(path, ids);
    return {
      uuid,
      name: 'work',
      virtMode: 'container',
      memory: 256,
      maxmem: 256,
      vcpus: 1,
      ids,
      defaultUser: 'user',
      volumes: {
        root: {
          kind: 'tree',
          mounts: [
            { target: '/', lower: [{ path: join(this.directory, 'skeleton'), idStart: 0 }], ...root },
            { target: '/usr', lower: [{ path: '/usr', idStart: 0 }], ...usr },
          ],
        },
        private: { kind: 'tree', mounts: [{ target: '/', lower: [], upper: privateDirectory }] },
        volatile: { kind: 'tree', mounts: [{ target: '/', lower: [], upper: volatile }] },
      },
      ...changes,
    };
  }

  async started(changes: Partial<DomainSpec> = {}): Promise<DomainSpec> {
    const spec = await this.spec(changes);
    await this.hypervisor.start(spec);
    return spec;
  }

  /** What the machine still has of these domains: mounts, control groups, run files. */
  async leftovers(): Promise<string[]> {
    const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
    const found = mounts.filter((line) => line.includes(this.directory));
    for (const hierarchy of ['.', ...(await readdir('/sys/fs/cgroup'))])
      for (const name of await readdir(join('/sys/fs/cgroup', hierarchy, 'bulkhead')).catch(() => []))
        if (this.#uuids.has(name)) found.push(join(hierarchy, name));
    for (const part of ['domains', 'runtime'])
      found.push(...(await readdir(join(this.directory, 'run', part)).catch(() => [])));
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const uuid of this.#uuids) await this.hypervisor.cleanUp(uuid);
    await this.hypervisor[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

export function engine(directory: string, options: Partial<OciOptions> = {}): OciHypervisor {
  return new OciHypervisor({
    runDirectory: join(directory, 'run'),
    runtime: 'runc',
    agent: AGENT,
    log: silentLog,
    ...options,
  });
}

/** Runs a command in the domain's shell. */
export function shell(
  hypervisor: Hypervisor,
  { uuid }: DomainSpec,
  script: string,
  more: Omit<ExecRequest, 'argv'> = {},
): Promise<CommandOutcome> {
  return runCommand(hypervisor, uuid, { argv: ['sh', '-c', script], ...more });
}

async function makeSkeleton(path: string): Promise<void> {
  for (const name of [
    'etc',
    'dev',
    'proc',
    'sys',
    'run',
    'tmp',
    'usr',
    'root',
    'home',
    'rw',
    'var/tmp',
    'var/lib',
  ])
    await mkdir(join(path, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(path, name));
  await writeFile(
    join(path, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/bash\nother:x:1005:1006::/:/bin/sh\n',
  );
  await writeFile(join(path, 'etc/group'), 'root:x:0:\nother:x:1006:\nextra:x:1010:other\n');
  await writeFile(join(path, 'etc/shadow'), 'root:!:19000::::::\n', { mode: 0o600 });
  await cp('/etc/ld.so.cache', join(path, 'etc/ld.so.cache'));
  await cp('/etc/alternatives', join(path, 'etc/alternatives'), { recursive: true, verbatimSymlinks: true });
}

async function overlayDirectories(path: string, ids: IdRange): Promise<{ upper: string; work: string }> {
  const directories = { upper: join(path, 'upper'), work: join(path, 'work') };
  await ownedDirectory(directories.upper, ids);
  await mkdir(directories.work, { recursive: true });
  return directories;
}

async function ownedDirectory(path: string, ids: IdRange): Promise<void> {
  await mkdir(path, { recursive: true });
  await chown(path, ids.start, ids.start);
}
