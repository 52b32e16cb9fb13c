import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { PRESERVED_FDS } from './bundle.ts';
import { runProgram } from './run-program.ts';

/** What the runtime is started with, besides its command line. */
export interface ContainerStreams {
  /** The console log: output and errors of the container's first process, and the runtime's own complaints. */
  readonly console: number;
  readonly agentSocket: number;
  readonly agentProgram: number;
  /** Kept open by the runtime as long as it works; not passed on to the container. */
  readonly lock: number;
}

/**
 * The command line of an OCI runtime (runc, crun), with a deadline on every call. What it keeps of its containers is
 * in `stateDirectory`, apart from everyone else's.
 */
export class OciRuntime {
  readonly program: string;
  readonly #agent: string;
  readonly #stateDirectory: string;
  readonly #deadline: number;
  readonly #log: Log;

  constructor(options: {
    program: string;
    agent: string;
    stateDirectory: string;
    deadline: number;
    log: Log;
  }) {
    this.program = options.program;
    this.#agent = options.agent;
    this.#stateDirectory = options.stateDirectory;
    this.#deadline = options.deadline;
    this.#log = options.log;
  }

  /** Makes and starts a container, which outlives the daemon. */
  async run(id: string, bundle: string, streams: ContainerStreams): Promise<void> {
    const { console, agentSocket, agentProgram, lock } = streams;
    await runProgram(
      this.#argv(['run', '--detach', '--preserve-fds', String(PRESERVED_FDS), '--bundle', bundle, id]),
      { deadline: this.#deadline, stdio: ['ignore', console, console, agentSocket, agentProgram, lock] },
    );
  }

  /** Applies `resources` of the OCI specification to a running container. */
  async update(id: string, resources: object): Promise<void> {
    await this.#call(['update', '--resources', '-', id], JSON.stringify(resources));
  }

  /**
   * Was a container made and not started? It stays so for ever when the runtime was killed in between. runc and crun
   * keep this file from the one to the other.
   */
  isUnstarted(id: string): Promise<boolean> {
    return access(join(this.#stateDirectory, id, 'exec.fifo')).then(
      () => true,
      () => false,
    );
  }

  /** Forgets a container, ending what is left of it. Succeeds even where the runtime does not. */
  async forget(id: string): Promise<void> {
    try {
      await this.#call(['delete', '--force', id]);
    } catch (thrown) {
      this.#log.warn('the runtime could not delete a container; removing its state', {
        container: id,
        reason: messageOf(thrown),
      });
    }
    await rm(join(this.#stateDirectory, id), { recursive: true, force: true });
  }

  async #call(command: readonly string[], input?: string): Promise<void> {
    await runProgram(this.#argv(command), {
      deadline: this.#deadline,
      ...(input === undefined ? {} : { input }),
    });
  }

  /** The runtime dies with this daemon, or it might go on with what the next one is clearing away. */
  #argv(command: readonly string[]): [string, ...string[]] {
    const runtime = [this.program, '--root', this.#stateDirectory, ...command];
    return [this.#agent, '--with-parent', String(process.pid), ...runtime];
  }
}
