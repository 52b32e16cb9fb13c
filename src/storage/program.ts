import { spawn } from 'node:child_process';
import { printable, StoragePoolException } from '../base/errors.ts';

export interface ProgramOptions {
  /** Milliseconds; then it is killed. */
  readonly deadline: number;
  /** What to do when the program is not installed. */
  readonly remedy: string;
  readonly signal?: AbortSignal | undefined;
  /** Told each line it prints, on either stream. */
  readonly onLine?: ((line: string) => void) | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** How much of what a program printed last is quoted when it fails. */
const QUOTED_LINES = 8;
const LONGEST_LINE = 4096;

/**
 * Runs a program to its end, without a shell. Rejects with StoragePoolException when it is missing (with the remedy),
 * fails (with its last lines), takes too long or is given up; it and its children are dead then.
 */
export async function runProgram(
  argv: readonly [string, ...string[]],
  options: ProgramOptions,
): Promise<void> {
  const [program, ...args] = argv;
  options.signal?.throwIfAborted();
  const last: string[] = [];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...options.env };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
  const say = (line: string) => {
    last.push(line);
    if (last.length > QUOTED_LINES) last.shift();
    options.onLine?.(line);
  };
  for (const stream of [child.stdout, child.stderr]) eachLine(stream, say);
  let stopped: string | undefined;
  const stop = (why: string) => {
    stopped ??= why;
    killGroup(child.pid);
  };
  const timer = setTimeout(() => stop(`did not end within ${options.deadline / 1000} s`), options.deadline);
  const onAbort = () => stop('was given up');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const ended = await new Promise<string | undefined>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) =>
        resolve(code === 0 ? undefined : `failed (${signal ?? `exit code ${code}`})`),
      );
    });
    const why = stopped ?? ended;
    if (why)
      throw new StoragePoolException(
        [`${program} ${why}`, ...last.map((line) => printable(line))].join('\n'),
      );
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')
      throw new StoragePoolException(`${program} is not installed; ${options.remedy}`);
    throw thrown;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function eachLine(stream: NodeJS.ReadableStream, say: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/\r?\n|\r/);
    rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
    for (const line of lines) if (line.trim() !== '') say(line);
  });
  stream.on('end', () => rest.trim() !== '' && say(rest));
}

/** The program leads a process group of its own, so that what it started ends with it. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has already ended.
  }
}
