import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { printable, QubesException } from '../../base/errors.ts';

/** How a program ended. */
export interface ProgramResult {
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Milliseconds until it is killed with SIGKILL. */
  readonly deadline: number;
  /** What it reads; nothing when not given. */
  readonly input?: string;
  /** Instead of pipes. What is not a pipe is not collected. */
  readonly stdio?: StdioOptions;
  /** Exit codes that are no failure, besides 0. */
  readonly accept?: readonly number[];
}

/** A program that could not be run, failed, or did not answer in time. */
export class ProgramError extends QubesException {
  readonly timedOut: boolean;
  constructor(message: string, timedOut = false) {
    super(message);
    this.timedOut = timedOut;
  }
}

/** Bytes of each output that are kept; the rest is read and dropped. */
const OUTPUT_LIMIT = 65_536;

/**
 * Runs a program to its end, without a shell. Rejects with a {@link ProgramError} that names it when it can't be
 * started, fails, or is still there at its deadline (it is killed then).
 */
export function runProgram(
  argv: readonly [string, ...string[]],
  options: ProgramOptions,
): Promise<ProgramResult> {
  const [program, ...args] = argv;
  // A process group of its own: what it starts ends with it, and keys typed at the daemon's terminal don't reach it.
  const child = spawn(program, args, { stdio: options.stdio ?? ['pipe', 'pipe', 'pipe'], detached: true });
  const stdout = collect(child, 'stdout');
  const stderr = collect(child, 'stderr');
  child.stdin?.on('error', () => undefined); // it may end without reading
  child.stdin?.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
      releaseStreams(child);
    }, options.deadline);
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(new ProgramError(`cannot run '${program}': ${error.code ?? error.message}; is it installed?`));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (timedOut)
        reject(
          new ProgramError(
            `${shown(argv)} did not answer within ${options.deadline} ms and was killed`,
            true,
          ),
        );
      else if (code === 0 || (code !== null && options.accept?.includes(code)))
        resolve({ stdout: stdout(), stderr: stderr() });
      else
        reject(
          new ProgramError(`${shown(argv)} failed (${signal ?? `exit ${code}`}): ${lastWords(stderr())}`),
        );
    });
  });
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL'); // the group is gone: nothing but the child itself can be left
  }
}

/** Gathers an output up to the limit, and hands out what came. */
function collect(child: ChildProcess, name: 'stdout' | 'stderr'): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  child[name]?.on('data', (chunk: Buffer) => {
    if (length < OUTPUT_LIMIT) chunks.push(chunk.subarray(0, OUTPUT_LIMIT - length));
    length += chunk.length;
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/** Grandchildren may hold the pipes open: don't wait for them. */
function releaseStreams(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function shown(argv: readonly string[]): string {
  return printable(argv.join(' '), 120);
}

function lastWords(stderr: string): string {
  return printable(stderr.trim().split('\n').slice(-3).join(' | ') || 'it said nothing', 600);
}
