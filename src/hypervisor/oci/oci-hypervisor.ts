import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import {
  messageOf,
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
import { type BootParts, boot } from './boot.ts';
import { limitsOf } from './bundle.ts';
import { Cgroups } from './cgroups.ts';
import { ConsoleStream } from './console-stream.ts';
import { Limiter } from './limiter.ts';
import { OciRuntime } from './oci-runtime.ts';
import { missingRequirements } from './requirements.ts';
import { exists, RunPlace } from './run-place.ts';
import { UserNamespaces } from './user-namespaces.ts';
import { within } from './within.ts';

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

/** A start under way. A kill may come before there is anything to kill: the start then undoes itself. */
interface Start {
  killed: boolean;
  readonly settled: PromiseWithResolvers<void>;
}

/** Domains as OCI containers, each in namespaces and an id range of its own, with our agent as its first process. */
export class OciHypervisor implements Hypervisor {
  readonly name = 'oci';
  readonly modes = ['container'] as const;
  readonly #options: OciOptions;
  readonly #deadline: number;
  readonly #parts: BootParts;
  readonly #runtime: OciRuntime;
  readonly #namespaces: UserNamespaces;
  readonly #starts: Limiter;
  readonly #live = new Map<string, Live>();
  readonly #starting = new Map<string, Start>();
  readonly #listeners = new Set<StoppedListener>();
  #cgroups: Promise<Cgroups> | undefined;
  #missing: Promise<readonly string[]> | undefined;

  constructor(options: OciOptions) {
    this.#options = { ...options, runDirectory: resolve(options.runDirectory) };
    this.#deadline = options.deadline ?? 15_000;
    this.#namespaces = new UserNamespaces(options.agent);
    this.#starts = new Limiter(options.startsAtOnce ?? 4);
    this.#runtime = new OciRuntime({
      program: options.runtime,
      agent: options.agent,
      stateDirectory: join(this.#options.runDirectory, 'runtime'),
      deadline: this.#deadline,
      log: options.log,
    });
    this.#parts = {
      runtime: this.#runtime,
      namespaces: this.#namespaces,
      agent: options.agent,
      deadline: this.#deadline,
      processes: options.processes ?? 4096,
    };
  }

  missing(): Promise<readonly string[]> {
    this.#missing ??= missingRequirements(this.#options.runtime, this.#options.agent);
    void this.#missing.then(
      (reasons) => reasons.length > 0 && this.#lookAgain(),
      () => this.#lookAgain(),
    );
    return this.#missing;
  }

  async start(spec: DomainSpec): Promise<void> {
    checkStartable(spec, this.modes);
    if (this.#live.has(spec.uuid) || this.#starting.has(spec.uuid))
      throw new QubesVMNotHaltedError(`Domain is already running: ${spec.name}`);
    const start: Start = { killed: false, settled: Promise.withResolvers() };
    this.#starting.set(spec.uuid, start);
    try {
      const missing = await this.missing();
      if (missing.length > 0) throw new QubesException(`containers cannot run here: ${missing.join('; ')}`);
      await this.#starts.run(() => this.#startOrUndo(spec, start));
    } finally {
      this.#starting.delete(spec.uuid);
      start.settled.resolve();
    }
  }

  /** What was missing may be there the next time it is asked for; what was there is taken to stay. */
  #lookAgain(): void {
    this.#missing = undefined;
  }

  async #startOrUndo(spec: DomainSpec, start: Start): Promise<void> {
    const mustGoOn = () => {
      if (start.killed) throw new QubesVMError(`domain ${spec.name} was killed while it started`);
    };
    const place = this.#place(spec.uuid);
    try {
      if (await place.exists()) await this.cleanUp(spec.uuid); // nobody cleaned up an earlier run
      mustGoOn();
      const { link, watch } = await boot(spec, place, (await this.#groups()).pathOf(spec.uuid), this.#parts);
      this.#adopted(spec.uuid, link, watch);
      mustGoOn();
    } catch (thrown) {
      await this.cleanUp(spec.uuid);
      throw thrown;
    }
  }

  async adopt(uuid: string): Promise<EngineState> {
    const known = this.#live.get(checkedUuid(uuid));
    if (known) return known.paused ? 'paused' : 'running';
    const cgroups = await this.#groups();
    if (!(await this.#place(uuid).exists()) || !(await cgroups.isPopulated(uuid))) return 'halted';
    const paused = await cgroups.isFrozen(uuid);
    if (paused) await cgroups.thaw(uuid); // so that the agent can answer
    try {
      if (await this.#runtime.isUnstarted(uuid)) throw new QubesVMError('it was never started');
      await this.#attach(uuid);
    } catch (thrown) {
      this.#options.log.warn('a container without a working agent is ended', {
        uuid,
        reason: messageOf(thrown),
      });
      await cgroups.kill(uuid, this.#deadline);
      return 'halted';
    }
    await this.#place(uuid).unmount();
    if (paused) await this.pause(uuid);
    return paused ? 'paused' : 'running';
  }

  async requestShutdown(uuid: string): Promise<void> {
    this.#running(uuid, 'be asked to shut down').watch.requestStop();
  }

  async kill(uuid: string): Promise<void> {
    const start = this.#starting.get(checkedUuid(uuid));
    if (start) start.killed = true;
    this.#release(uuid);
    await (await this.#groups()).kill(uuid, this.#deadline);
    await start?.settled.promise;
  }

  async pause(uuid: string): Promise<void> {
    const live = this.#running(uuid, 'be paused');
    const cgroups = await this.#groups();
    await cgroups.freeze(uuid);
    try {
      await within(this.#deadline, `domain ${uuid} does not come to a halt`, () => cgroups.isFrozen(uuid));
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
    if (await place.exists()) {
      await place.whenUnlocked(this.#deadline); // the runtime of a daemon that was killed takes a moment to die
      await cgroups.kill(uuid, this.#deadline); // and may have started something in that moment
    }
    if (await exists(join(this.#options.runDirectory, 'runtime', uuid))) await this.#runtime.forget(uuid);
    await cgroups.remove(uuid);
    await place.remove();
  }

  async setLimits(uuid: string, limits: Pick<DomainSpec, 'memory' | 'maxmem' | 'vcpus'>): Promise<void> {
    this.#known(uuid);
    await this.#runtime.update(uuid, limitsOf(limits, this.#parts.processes));
  }

  async exec(uuid: string, request: ExecRequest): Promise<Duplex> {
    return this.#running(uuid, 'run a command').link.exec(request);
  }

  async console(uuid: string): Promise<Duplex> {
    const live = this.#known(uuid);
    const stream = await ConsoleStream.follow(this.#place(uuid).consoleLog);
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

  async #attach(uuid: string): Promise<void> {
    const link = await AgentLink.at(this.#place(uuid).agentSocket);
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
    for (const listener of this.#listeners) this.#tell(listener, uuid);
  }

  /** A listener that fails is no reason not to tell the others. */
  #tell(listener: StoppedListener, uuid: string): void {
    try {
      listener(uuid);
    } catch (thrown) {
      this.#options.log.error('a listener failed', { uuid, reason: messageOf(thrown) });
    }
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

  #place(uuid: string): RunPlace {
    return new RunPlace(this.#options.runDirectory, uuid);
  }

  #groups(): Promise<Cgroups> {
    this.#cgroups ??= Cgroups.detect(this.#options.cgroupParent ?? 'bulkhead');
    return this.#cgroups;
  }
}
