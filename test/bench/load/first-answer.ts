import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { isAlive } from '../process.ts';
import { encode } from './requests.ts';
import { addressOf, close, openWith, receive, SocketError } from './sockets.ts';

const NOT_YET = new Set([2, 111]); // ENOENT, ECONNREFUSED
const PATIENCE_MS = 180_000;

export interface StartTask {
  readonly kind: 'start';
  /** The daemon, and the environment that says where its system lives. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where it will answer. */
  readonly socket: string;
  /** A file that gets what it prints. */
  readonly log: string;
}

/**
 * Starts a daemon and asks it, over and over, until it answers. Milliseconds from before the start to the end of the
 * answer, and the process.
 */
export function startAndAsk({ argv, env, socket, log: logFile }: StartTask): { ms: number; pid: number } {
  const log = openSync(logFile, 'a');
  const [program = '', ...args] = argv;
  const began = performance.now();
  const daemon = spawn(program, args, { env, stdio: ['ignore', log, log] });
  daemon.unref();
  if (!daemon.pid) throw new Error(`can't run ${program}`);
  try {
    while (!isAnswered(socket)) {
      if (performance.now() - began > PATIENCE_MS) throw new Error('the daemon does not answer');
      if (!isAlive(daemon.pid)) throw new Error('the daemon ended before it answered');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  } catch (error) {
    daemon.kill('SIGKILL');
    throw error;
  }
  return { ms: performance.now() - began, pid: daemon.pid };
}

function isAnswered(path: string): boolean {
  try {
    const fd = openWith(addressOf(path), encode('admin.vm.property.Get', 'dom0', 'name'));
    const answer = receive(fd);
    close(fd);
    return answer[0] === 0x30;
  } catch (error) {
    if (error instanceof SocketError && NOT_YET.has(error.errno)) return false;
    throw error;
  }
}
