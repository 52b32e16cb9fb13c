import { type Duplex, PassThrough } from 'node:stream';
import {
  printable,
  QubesVMNotHaltedError,
  QubesVMNotPausedError,
  QubesVMNotRunningError,
} from '../../base/errors.ts';
import { checkedUuid, checkStartable } from '../checks.ts';
import type {
  DomainSpec,
  EngineState,
  ExecRequest,
  Hypervisor,
  StoppedListener,
  VirtMode,
} from '../hypervisor.ts';
import { type MemoryCommand, runMemoryCommand } from './memory-command.ts';

const MIB = 1024 * 1024;

interface MemoryDomain {
  readonly spec: DomainSpec;
  readonly started: bigint;
  readonly commands: Set<MemoryCommand>;
  readonly consoles: Set<PassThrough>;
  limits: Pick<DomainSpec, 'memory' | 'maxmem' | 'vcpus'>;
  paused: boolean;
}

/** Where domains of the memory engine live: outlasts the engines on it, as a machine outlasts its daemons. */
export class MemoryMachine {
  readonly domains = new Map<string, MemoryDomain>();
  readonly listeners = new Set<StoppedListener>();

  /** Ends a domain and its commands. */
  end(uuid: string): void {
    const domain = this.domains.get(uuid);
    this.domains.delete(uuid);
    for (const command of domain?.commands ?? []) command.kill();
    for (const stream of domain?.consoles ?? []) stream.end();
  }

  /** As when a domain's init dies by itself: for tests. */
  crash(uuid: string): void {
    this.end(uuid);
    for (const listener of this.listeners) listener(uuid);
  }
}

/**
 * Domains that exist only in this process and isolate nothing: for tests, never a user's. A command is one of a few
 * built in (`memory-command.ts`).
 */
export class MemoryHypervisor implements Hypervisor {
  readonly name = 'memory';
  readonly modes: readonly VirtMode[];
  readonly #machine: MemoryMachine;
  readonly #missing: readonly string[] = [];
  readonly #mine = new Set<StoppedListener>();

  constructor(options: { machine?: MemoryMachine; modes?: readonly VirtMode[] } = {}) {
    this.#machine = options.machine ?? new MemoryMachine();
    this.modes = options.modes ?? ['container'];
  }

  async missing(): Promise<readonly string[]> {
    return this.#missing;
  }

  async start(spec: DomainSpec): Promise<void> {
    checkStartable(spec, this.modes);
    if (this.#machine.domains.has(spec.uuid))
      throw new QubesVMNotHaltedError(`Domain is already running: ${spec.name}`);
    this.#machine.domains.set(spec.uuid, {
      spec,
      started: process.hrtime.bigint(),
      commands: new Set(),
      consoles: new Set(),
      limits: spec,
      paused: false,
    });
  }

  async adopt(uuid: string): Promise<EngineState> {
    const domain = this.#machine.domains.get(checkedUuid(uuid));
    if (!domain) return 'halted';
    return domain.paused ? 'paused' : 'running';
  }

  async requestShutdown(uuid: string): Promise<void> {
    this.#running(uuid);
    setImmediate(() => this.#machine.domains.has(uuid) && this.#machine.crash(uuid));
  }

  async kill(uuid: string): Promise<void> {
    this.#machine.end(checkedUuid(uuid));
  }

  async pause(uuid: string): Promise<void> {
    this.#running(uuid).paused = true;
  }

  async unpause(uuid: string): Promise<void> {
    const domain = this.#known(uuid);
    if (!domain.paused) throw new QubesVMNotPausedError(`Domain is not paused: ${uuid}`);
    domain.paused = false;
  }

  async cleanUp(uuid: string): Promise<void> {
    this.#machine.end(checkedUuid(uuid));
  }

  async setLimits(uuid: string, limits: Pick<DomainSpec, 'memory' | 'maxmem' | 'vcpus'>): Promise<void> {
    this.#known(uuid).limits = limits;
  }

  async exec(uuid: string, request: ExecRequest): Promise<Duplex> {
    const domain = this.#running(uuid);
    const command = runMemoryCommand(request.argv);
    domain.commands.add(command);
    command.stream.once('close', () => domain.commands.delete(command));
    return command.stream;
  }

  async console(uuid: string): Promise<Duplex> {
    const domain = this.#known(uuid);
    const stream = new PassThrough();
    stream.write('ready\n');
    domain.consoles.add(stream);
    stream.once('close', () => domain.consoles.delete(stream));
    return stream;
  }

  async stats(uuid: string): Promise<{ readonly memory: number; readonly cpuTime: bigint }> {
    const domain = this.#known(uuid);
    return { memory: domain.limits.memory * MIB, cpuTime: process.hrtime.bigint() - domain.started };
  }

  onStopped(listener: StoppedListener): Disposable {
    const own: StoppedListener = (uuid) => listener(uuid);
    this.#mine.add(own);
    this.#machine.listeners.add(own);
    return { [Symbol.dispose]: () => this.#forget(own) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#mine) this.#forget(listener);
  }

  #forget(listener: StoppedListener): void {
    this.#mine.delete(listener);
    this.#machine.listeners.delete(listener);
  }

  #known(uuid: string): MemoryDomain {
    const domain = this.#machine.domains.get(checkedUuid(uuid));
    if (!domain) throw new QubesVMNotRunningError(`Domain is not running: ${uuid}`);
    return domain;
  }

  #running(uuid: string): MemoryDomain {
    const domain = this.#known(uuid);
    if (domain.paused)
      throw new QubesVMNotRunningError(`Domain ${printable(uuid)} is paused; unpause it first`);
    return domain;
  }
}
