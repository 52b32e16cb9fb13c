import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  messageOf,
  printable,
  QubesException,
  QubesVMError,
  QubesVMNotHaltedError,
  QubesVMNotPausedError,
  QubesVMNotRunningError,
} from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { checkedUuid, checkStartable } from '../checks.ts';
import type { DomainSpec, EngineState, ExecRequest, Hypervisor, StoppedListener } from '../hypervisor.ts';
import { AgentLink, type Watch } from './agent-link.ts';
import { bundleConfig, limitsOf } from './bundle.ts';
import { Cgroups } from './cgroups.ts';
import { ConsoleStream } from './console-stream.ts';
import { Limiter } from './limiter.ts';
import { OciRuntime } from './oci-runtime.ts';
import { openFilesLimit } from './open-files-limit.ts';
import { missingRequirements } from './requirements.ts';
import { mountRootFs, unmountAllBeneath } from './root-fs.ts';
import { UserNamespaces } from './user-namespaces.ts';

export interface OciOptions {
  /** Where what lives as long as the domains is kept; absolute. Made if missing, with mode 0711. */
  readonly runDirectory: string;
  /** `runc` or `crun`: a name looked up in PATH, or a path. */
  readonly runtime: string;
  /** Path of the compiled agent (`scripts/setup-host` makes it). */
  readonly agent: string;
  readonly log: Log;
  /** Milliseconds for each call of the runtime, and for a container to become ready or to end. 15 s by default. */
  readonly deadline?: number;
  /** How many domains are started at the same time; more wait. 4 by default. */
  readonly startsAtOnce?: number;
  /** How many processes and threads a domain may have. 4096 by default. */
  readonly processes?: number;
  /** The control group that holds the domains' own. `bulkhead` by default. */
  readonly cgroupParent?: string;
}

/** A domain with a live agent. */
interface Live {
  readonly link: AgentLink;
  readonly watch: Watch;
  readonly consoles: Set<ConsoleStream>;
  paused: boolean;
}

/** Domains as OCI containers, each in namespaces and an id range of its own, with our agent as its first process. */
export class OciHypervisor implements Hypervisor {
  readonly name = 'oci';
  readonly modes = ['container'] as const;
  readonly #options: OciOptions;
  readonly #deadline: number;
  readonly #processes: number;
  readonly #runtime: OciRuntime;
  readonly #namespaces: UserNamespaces;
  readonly #starts: Limiter;
  readonly #live = new Map<string, Live>();
  readonly #listeners = new Set<StoppedListener>();
  #cgroups: Promise<Cgroups> | undefined;
  #missing: Promise<readonly string[]> | undefined;

  constructor(options: OciOptions) {
    this.#options = { ...options, runDirectory: resolve(options.runDirectory) };
    this.#deadline = options.deadline ?? 15_000;
    this.#processes = options.processes ?? 4096;
    this.#namespaces = new UserNamespaces(options.agent);
    this.#starts = new Limiter(options.startsAtOnce ?? 4);
    this.#runtime = new OciRuntime({
      program: options.runtime,
      agent: options.agent,
      stateDirectory: join(this.#options.runDirectory, 'runtime'),
      deadline: this.#deadline,
      log: options.log,
    });
  }

  missing(): Promise<readonly string[]> {
    this.#missing ??= missingRequirements(this.#options.runtime, this.#options.agent);
    return this.#missing;
  }

  async start(spec: DomainSpec): Promise<void> {
    checkStartable(spec, this.modes);
    if (this.#live.has(spec.uuid)) throw new QubesVMNotHaltedError(`Domain is already running: ${spec.name}`);
    const missing = await this.missing();
    if (missing.length > 0) throw new QubesException(`containers cannot run here: ${missing.join('; ')}`);
    await this.#starts.run(async () => {
      if (await exists(this.#place(spec.uuid))) await this.cleanUp(spec.uuid); // nobody cleaned up an earlier run
      try {
        await this.#boot(spec);
      } catch (thrown) {
        await this.cleanUp(spec.uuid);
        throw thrown;
      }
    });
  }

  async adopt(uuid: string): Promise<EngineState> {
    const known = this.#live.get(checkedUuid(uuid));
    if (known) return known.paused ? 'paused' : 'running';
    const cgroups = await this.#groups();
    if (!(await exists(this.#place(uuid))) || !(await cgroups.isPopulated(uuid))) return 'halted';
    const paused = await cgroups.isFrozen(uuid);
    if (paused) await cgroups.thaw(uuid); // so that the agent can answer
    try {
      await this.#attach(uuid);
    } catch (thrown) {
      this.#options.log.warn('a container without a working agent is ended', {
        uuid,
        reason: messageOf(thrown),
      });
      await cgroups.kill(uuid, this.#deadline);
      return 'halted';
    }
    await unmountAllBeneath(this.#place(uuid));
    if (paused) await this.pause(uuid);
    return paused ? 'paused' : 'running';
  }

  async requestShutdown(uuid: string): Promise<void> {
    this.#running(uuid, 'be asked to shut down').watch.requestStop();
  }

  async kill(uuid: string): Promise<void> {
    this.#release(checkedUuid(uuid));
    await (await this.#groups()).kill(uuid, this.#deadline);
  }

  async pause(uuid: string): Promise<void> {
    const live = this.#running(uuid, 'be paused');
    const cgroups = await this.#groups();
    await cgroups.freeze(uuid);
    try {
      await within(this.#deadline, `pausing domain ${uuid}`, () => cgroups.isFrozen(uuid));
    } catch (thrown) {
      await cgroups.thaw(uuid);
      throw thrown;
    }
    live.paused = true;
  }

  async unpause(uuid: string): Promise<void> {
    const live = this.#known(uuid);
    if (!live.paused) throw new QubesVMNotPausedError(`Domain is not paused: ${uuid}`);
    await (await this.#groups()).thaw(uuid);
    live.paused = false;
  }

  async cleanUp(uuid: string): Promise<void> {
    const place = this.#place(checkedUuid(uuid));
    this.#release(uuid);
    const cgroups = await this.#groups();
    await cgroups.kill(uuid, this.#deadline);
    if (await exists(join(this.#options.runDirectory, 'runtime', uuid))) await this.#runtime.forget(uuid);
    await cgroups.remove(uuid);
    if (!(await exists(place))) return;
    await unmountAllBeneath(place);
    await rm(place, { recursive: true, force: true });
  }

  async setLimits(uuid: string, limits: Pick<DomainSpec, 'memory' | 'maxmem' | 'vcpus'>): Promise<void> {
    this.#known(uuid);
    await this.#runtime.update(uuid, limitsOf(limits, this.#processes));
  }

  async exec(uuid: string, request: ExecRequest): Promise<Duplex> {
    return this.#running(uuid, 'run a command').link.exec(request);
  }

  async console(uuid: string): Promise<Duplex> {
    const live = this.#known(uuid);
    const stream = await ConsoleStream.follow(join(this.#place(uuid), 'console.log'));
    live.consoles.add(stream);
    stream.once('close', () => live.consoles.delete(stream));
    if (this.#live.get(uuid) !== live) stream.finish(); // it ended meanwhile
    return stream;
  }

  async stats(uuid: string): Promise<{ readonly memory: number; readonly cpuTime: bigint }> {
    this.#known(uuid);
    return (await this.#groups()).stats(uuid);
  }

  onStopped(listener: StoppedListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Lets go of the domains: they live on, to be adopted. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const uuid of [...this.#live.keys()]) this.#release(uuid);
    await this.#namespaces[Symbol.asyncDispose]();
  }

  async #boot(spec: DomainSpec): Promise<void> {
    const place = this.#place(spec.uuid);
    const cgroups = await this.#groups();
    await mkdir(place, { recursive: true, mode: 0o711 });
    const config = bundleConfig(spec, {
      cgroupsPath: cgroups.pathOf(spec.uuid),
      openFilesMax: await openFilesLimit(),
      processes: this.#processes,
    });
    await writeFile(join(place, 'config.json'), JSON.stringify(config), { mode: 0o600 });
    await mountRootFs(place, spec, this.#namespaces);
    await this.#runContainer(spec.uuid, place);
    await unmountAllBeneath(place); // the container has its own
  }

  /** Resolves when the agent answers and the runtime has done its part. */
  async #runContainer(uuid: string, place: string): Promise<void> {
    const link = await AgentLink.at(join(place, 'agent.sock'));
    let ran: Promise<void>;
    {
      await using agent = await open(this.#options.agent, 'r');
      await using log = await open(join(place, 'console.log'), 'a', 0o600);
      using listener = link.listen();
      ran = this.#runtime.run(uuid, place, {
        console: log.fd,
        agentSocket: listener.fd,
        agentProgram: agent.fd,
      });
      ran.catch(() => undefined);
    }
    const watching = link.watch(this.#deadline);
    const [runtime, watch] = await Promise.allSettled([ran, watching]);
    if (runtime.status === 'fulfilled' && watch.status === 'fulfilled')
      return this.#adopted(uuid, link, watch.value);
    if (watch.status === 'fulfilled') watch.value[Symbol.dispose]();
    await link[Symbol.asyncDispose]();
    const reason = runtime.status === 'rejected' ? runtime.reason : (watch as PromiseRejectedResult).reason;
    throw new QubesVMError(`${messageOf(reason)}${await this.#lastWords(place)}`);
  }

  async #attach(uuid: string): Promise<void> {
    const link = await AgentLink.at(join(this.#place(uuid), 'agent.sock'));
    try {
      this.#adopted(uuid, link, await link.watch(this.#deadline));
    } catch (thrown) {
      await link[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  #adopted(uuid: string, link: AgentLink, watch: Watch): void {
    this.#live.set(uuid, { link, watch, consoles: new Set(), paused: false });
    watch.onEnded(() => void this.#ended(uuid));
  }

  /** The agent is gone and the kernel ends what was under it; told once that is so. */
  async #ended(uuid: string): Promise<void> {
    this.#release(uuid);
    try {
      await (await this.#groups()).kill(uuid, this.#deadline);
    } catch (thrown) {
      this.#options.log.error('a domain whose init ended does not go away', {
        uuid,
        reason: messageOf(thrown),
      });
    }
    for (const listener of this.#listeners) listener(uuid);
  }

  /** Forgets a live domain, whatever becomes of it. */
  #release(uuid: string): void {
    const live = this.#live.get(uuid);
    if (!live) return;
    this.#live.delete(uuid);
    live.watch[Symbol.dispose]();
    for (const stream of live.consoles) stream.finish();
    void live.link[Symbol.asyncDispose]();
  }

  #known(uuid: string): Live {
    const live = this.#live.get(checkedUuid(uuid));
    if (!live) throw new QubesVMNotRunningError(`Domain is not running: ${uuid}`);
    return live;
  }

  #running(uuid: string, purpose: string): Live {
    const live = this.#known(uuid);
    if (live.paused) throw new QubesVMNotRunningError(`Domain ${uuid} is paused; unpause it to ${purpose}`);
    return live;
  }

  /** What the runtime or the agent said last, for a message. */
  async #lastWords(place: string): Promise<string> {
    const untrustedLog = await readFile(join(place, 'console.log'), 'utf8').catch(() => '');
    const words = untrustedLog.trim().split('\n').slice(-3).join(' | ');
    return words && `; on its console: ${printable(words, 600)}`;
  }

  #place(uuid: string): string {
    return join(this.#options.runDirectory, 'domains', uuid);
  }

  #groups(): Promise<Cgroups> {
    this.#cgroups ??= Cgroups.detect(this.#options.cgroupParent ?? 'bulkhead');
    return this.#cgroups;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

/** Waits until something is so, looking ever less often. */
async function within(deadline: number, what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + deadline;
  for (let pause = 1; !(await isSo()); pause = Math.min(pause * 2, 20)) {
    if (performance.now() > end) throw new QubesVMError(`${what} was not done within ${deadline} ms`);
    await sleep(pause);
  }
}
