import { access, type FileHandle, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printable, QubesVMError } from '../../base/errors.ts';
import { tryLock } from './kernel.ts';
import { unmountAllBeneath } from './root-fs.ts';
import { within } from './within.ts';

/** A domain's directory among what lives as long as the domains: an OCI bundle, and what else it takes to run one. */
export class RunPlace {
  readonly path: string;
  /** The output of the container's first process. */
  readonly consoleLog: string;
  readonly agentSocket: string;
  readonly #lockFile: string;

  constructor(runDirectory: string, uuid: string) {
    this.path = join(runDirectory, 'domains', uuid);
    this.consoleLog = join(this.path, 'console.log');
    this.agentSocket = join(this.path, 'agent.sock');
    this.#lockFile = join(this.path, 'runtime.lock');
  }

  /** Others than root may pass through, since the container's own root is nobody here; none may look. */
  async make(config: object): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o711 });
    await writeFile(join(this.path, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  }

  /** Taken while a runtime works here: the lock goes with the descriptor, however its holder ends. */
  async lock(): Promise<FileHandle> {
    const handle = await open(this.#lockFile, 'w', 0o600);
    if (tryLock(handle.fd)) return handle;
    await handle.close();
    throw new QubesVMError(`another runtime is at work in ${this.path}; try again`);
  }

  /** Waits for a runtime that still works here. */
  async whenUnlocked(deadline: number): Promise<void> {
    const handle = await open(this.#lockFile, 'r').catch(() => undefined);
    if (!handle) return; // none ever did
    await using _ = handle;
    await within(deadline, `a runtime does not end its work in ${this.path}`, () => tryLock(handle.fd));
  }

  async exists(): Promise<boolean> {
    return exists(this.path);
  }

  /** What the runtime or the agent said last, for a message; empty when they said nothing. */
  async lastWords(): Promise<string> {
    const untrustedLog = await readFile(this.consoleLog, 'utf8').catch(() => '');
    const words = untrustedLog.trim().split('\n').slice(-3).join(' | ');
    return words && `; on its console: ${printable(words, 600)}`;
  }

  /** Takes the mounts off it. A running container has its own. */
  async unmount(): Promise<void> {
    await unmountAllBeneath(this.path);
  }

  /** Removes it, mounts first. Harmless where it is not. */
  async remove(): Promise<void> {
    if (!(await this.exists())) return;
    await this.unmount();
    await rm(this.path, { recursive: true, force: true });
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
