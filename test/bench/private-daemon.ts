import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/base/errors.ts';
import { SOCKETS } from '../../src/base/paths.ts';
import { AdminClient } from '../../src/client/admin-client.ts';
import type { Generator } from './load/generator.ts';
import { isAlive } from './process.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/bulkhead-daemon', import.meta.url));
const PATIENCE_MS = 60_000;

/**
 * A daemon with a system of its own, in a directory on a real disk: /tmp may be memory, which would make durability
 * free. Disposing of it ends it and removes everything.
 */
export class PrivateDaemon implements AsyncDisposable {
  readonly folder: string;
  readonly #generator: Generator;
  #pid: number | undefined;

  /** Those not yet disposed of. */
  static readonly live = new Set<PrivateDaemon>();

  constructor(generator: Generator) {
    this.#generator = generator;
    PrivateDaemon.live.add(this);
    this.folder = mkdtempSync('/var/tmp/bulkhead-bench-');
    chmodSync(this.folder, 0o711); // a container's root must get through to its files
  }

  /** What its clients' environment must say. */
  get env(): NodeJS.ProcessEnv {
    return { ...process.env, BULKHEAD_STATE: `${this.folder}/state`, BULKHEAD_RUN: `${this.folder}/run` };
  }

  get socket(): string {
    return `${this.folder}/run/${SOCKETS.admin}`;
  }

  get execSocket(): string {
    return `${this.folder}/run/${SOCKETS.exec}`;
  }

  get client(): AdminClient {
    return new AdminClient({ socket: this.socket });
  }

  /** Milliseconds to the first answer. */
  async start(): Promise<number> {
    try {
      const { ms, pid } = await this.#generator.do({
        kind: 'start',
        socket: this.socket,
        argv: [PROGRAM],
        env: this.env,
        log: this.#log,
      });
      this.#pid = pid;
      await this.#untilReady(pid);
      return ms;
    } catch (error) {
      throw new Error(`${messageOf(error)}; its log ends with:\n${this.#logEnd()}`);
    }
  }

  /** Asks it to end, as `npm stop -- --keep-domains` does, and waits until it has. */
  async stop(): Promise<void> {
    if (this.#pid === undefined) return;
    process.kill(this.#pid, 'SIGTERM');
    const deadline = Date.now() + PATIENCE_MS;
    while (isAlive(this.#pid)) {
      if (Date.now() > deadline) throw new Error(`the daemon, process ${this.#pid}, does not end`);
      await sleep(5);
    }
    this.#pid = undefined;
  }

  /** Resident memory, in megabytes (10^6 bytes, as the peer was measured). */
  residentMegabytes(): number {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1];
    return (Number(kib) * 1024) / 1e6;
  }

  /** It answers a moment before it writes its pid file, after which it heeds signals. */
  async #untilReady(pid: number): Promise<void> {
    const pidFile = `${this.folder}/run/daemon.pid`;
    const deadline = Date.now() + PATIENCE_MS;
    while (!existsSync(pidFile) || Number(readFileSync(pidFile, 'utf8')) !== pid) {
      if (Date.now() > deadline) throw new Error(`the daemon does not write ${pidFile}`);
      await sleep(5);
    }
    await sleep(20);
  }

  get #log(): string {
    return `${this.folder}/daemon.log`;
  }

  #logEnd(): string {
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    PrivateDaemon.live.delete(this);
    await this.stop();
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    if (mounts.includes(` ${this.folder}/`))
      throw new Error(`something is still mounted below ${this.folder}; left as it is`);
    rmSync(this.folder, { recursive: true });
  }
}
