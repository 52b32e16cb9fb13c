import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SOCKETS } from '../../../src/base/paths.ts';
import { AdminClient } from '../../../src/client/admin-client.ts';
import { Execution } from '../../../src/client/exec.ts';
import { HostView } from './host-view.ts';

const MAIN = fileURLToPath(new URL('../../../src/daemon/main.ts', import.meta.url));
const PATIENCE_MS = 60_000;

export interface TestDaemonOptions {
  /** Added to the daemon's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called once its directories are there and before it is started. */
  readonly prepare?: (daemon: TestDaemon) => void;
  /** Where its log goes instead of a file beside its directories. */
  readonly log?: string;
}

/** How a command in a domain ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A real daemon, a process of its own with directories of its own, that can be killed and started again. Disposing
 * of it ends it and everything it ever started, and removes all it made.
 *
 * Not in /tmp, which may be memory: durability would be free there.
 */
export class TestDaemon implements AsyncDisposable {
  readonly directory: string;
  readonly host: HostView;
  readonly client: AdminClient;
  env: Readonly<Record<string, string>>;
  readonly #logPath: string;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor({ env = {}, log }: TestDaemonOptions) {
    requireRoot();
    this.directory = mkdtempSync('/var/tmp/bulkhead-test-');
    chmodSync(this.directory, 0o711); // the ids of domains must get through
    for (const path of [this.run, this.state]) mkdirSync(path, { mode: 0o711 });
    this.env = env;
    this.#logPath = log ?? `${this.directory}/daemon.log`;
    this.host = new HostView(this.directory);
    this.client = new AdminClient({ socket: this.socket });
  }

  /** A daemon that answers. */
  static async open(options: TestDaemonOptions = {}): Promise<TestDaemon> {
    const daemon = new TestDaemon(options);
    try {
      options.prepare?.(daemon);
      await daemon.start();
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    return daemon;
  }

  get state(): string {
    return `${this.directory}/state`;
  }
  get run(): string {
    return `${this.directory}/run`;
  }
  get socket(): string {
    return `${this.run}/${SOCKETS.admin}`;
  }
  get execSocket(): string {
    return `${this.run}/${SOCKETS.exec}`;
  }
  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error('the daemon does not run');
    return this.#process.pid;
  }
  get isAlive(): boolean {
    return this.#process !== undefined;
  }

  /** What a tool's environment must say to reach it. */
  get toolEnv(): NodeJS.ProcessEnv {
    return { ...process.env, ...this.env, BULKHEAD_STATE: this.state, BULKHEAD_RUN: this.run };
  }

  /** Everything it ever logged. */
  get log(): string {
    return readFileSync(this.#logPath, 'utf8');
  }

  /** Starts the process and returns at once. */
  launch(): void {
    if (this.#process) throw new Error('the daemon runs already');
    const log = openSync(this.#logPath, 'a');
    const child = spawn(process.execPath, [MAIN], { stdio: ['ignore', log, log], env: this.toolEnv });
    closeSync(log);
    this.#process = child;
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        this.#process = undefined;
        resolve();
      });
    });
  }

  /** Starts it and waits until it answers. Throws with the end of its log when it ends instead. */
  async start(): Promise<void> {
    this.launch();
    await this.answers();
  }

  async answers(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      if (!this.#process) throw new Error(`the daemon ended:\n${this.#lastLines()}`);
      if (Date.now() > deadline) throw new Error(`the daemon does not answer:\n${this.#lastLines()}`);
      try {
        await this.client.call('admin.vmclass.List');
        return;
      } catch {
        await sleep(5);
      }
    }
  }

  /** kill -9; resolves when it is gone. What it started lives on. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#ended;
    this.host.remember();
  }

  /** Asks it to end, as `npm stop` does. */
  async stop(): Promise<void> {
    this.#process?.kill('SIGTERM');
    await this.#ended;
    this.host.remember();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Resolves when the process has ended by itself. */
  ended(): Promise<void> {
    return this.#ended;
  }

  /** Problems that `bulkhead.Check` reports, a line each. */
  async problems(): Promise<string[]> {
    const { problems } = JSON.parse(await this.client.text('bulkhead.Check')) as {
      problems: { about: string; problem: string }[];
    };
    return problems.map(({ about, problem }) => `${about}: ${problem}`);
  }

  /** Runs a command in a domain, or in a new disposable (`@dispvm`), to its end. */
  async exec(domain: string, command: readonly string[], options: ExecOptions = {}): Promise<CommandResult> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const outputs = Promise.all([text(stdout), text(stderr)]);
    try {
      const execution = await Execution.begin(
        {
          domain,
          command,
          autostart: options.autostart ?? false,
          ...(options.user === undefined ? {} : { user: options.user }),
        },
        { stdin: Readable.from([Buffer.from(options.input ?? '')]), stdout, stderr },
        this.execSocket,
      );
      const code = await execution.exitCode;
      stdout.end();
      stderr.end();
      const [out, err] = await outputs;
      return { code, stdout: out, stderr: err };
    } finally {
      stdout.destroy();
      stderr.destroy();
      outputs.catch(() => {});
    }
  }

  /** The same by the shell; throws when it fails. */
  async shell(domain: string, script: string, options: ExecOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.exec(domain, ['sh', '-c', script], options);
    if (code !== 0) throw new Error(`'${script}' in ${domain} ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.host.clear();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #lastLines(): string {
    return this.log.trimEnd().split('\n').slice(-5).join('\n');
  }
}

export interface ExecOptions {
  readonly input?: string;
  readonly user?: string;
  readonly autostart?: boolean;
}

/** Without the rights to start containers these tests fail: a skipped test proves nothing. */
function requireRoot(): void {
  if (process.geteuid?.() !== 0)
    throw new Error(
      'THESE TESTS NEED ROOT: they start real containers. Run them as root, or in a container as root.',
    );
}
