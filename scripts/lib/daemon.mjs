import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, ROOT } from './run.mjs';

/** How long a daemon may take to its first answer, or to end once asked to. */
const PATIENCE_SECONDS = 30;
const LARGEST_LOG = 10 * 1024 * 1024;

/** This environment's system: its directories, socket, pid file and log. Only in our node. */
export async function thisSystem() {
  const { systemPaths, SOCKETS } = await import(`${ROOT}/src/base/paths.ts`);
  const { state, run } = explained(() => systemPaths());
  return {
    state,
    run,
    socket: `${run}/${SOCKETS.admin}`,
    pidFile: `${run}/daemon.pid`,
    log: `${state}/daemon.log`,
  };
}

/** What goes wrong in here is the user's to mend, and says how. */
function explained(work) {
  try {
    return work();
  } catch (error) {
    throw new Failure(error.message);
  }
}

/** Does a daemon answer on this socket? */
export function answers(socketPath) {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const settle = (yes) => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(2_000, () => settle(false));
    socket.once('error', () => settle(false)).once('close', () => settle(false));
    socket.once('data', (reply) => settle(reply[0] === 0x30));
    socket.end('admin.vm.List+ dom0 name dom0\0');
  });
}

/** Level by level: node's own `recursive` never comes back where nobody can make a directory, such as in /proc. */
function makeDirectory(path) {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o711 });
  } catch (error) {
    if (error.code === 'EEXIST' && statSync(path).isDirectory()) return;
    throw new Failure(
      `The state cannot be in '${path}' (${error.message}); set BULKHEAD_STATE to another place`,
    );
  }
}

/** Starts the daemon in the background and waits for its first answer. Throws Failure with the reason if it dies. */
export async function startDaemon(system) {
  makeDirectory(system.state);
  if (existsSync(system.log) && statSync(system.log).size > LARGEST_LOG)
    renameSync(system.log, `${system.log}.1`);
  const log = openSync(system.log, 'a', 0o600);
  const logBegin = statSync(system.log).size;
  const daemon = spawn(`${ROOT}/bin/bulkhead-daemon`, [], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
  });
  let ended;
  daemon.once('error', (error) => {
    ended = error.message;
  });
  daemon.once('exit', (code, signal) => {
    ended = signal ? `ended by ${signal}` : `ended with ${code}`;
  });
  const deadline = Date.now() + PATIENCE_SECONDS * 1000;
  while (!(await answers(system.socket))) {
    if (ended) throw new Failure(`The daemon ${ended}:\n${lastLines(system.log, logBegin)}`);
    if (Date.now() > deadline) {
      daemon.kill();
      throw new Failure(
        `The daemon did not answer within ${PATIENCE_SECONDS} s; its log, ${system.log}, ends with:\n${lastLines(system.log, logBegin)}`,
      );
    }
    await sleep(20);
  }
  daemon.unref();
}

/** Asks the daemon to end and waits until it has. False when none was running. */
export async function stopDaemon(system) {
  const pid = daemonPid(system);
  if (!pid) return false;
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + PATIENCE_SECONDS * 1000;
  while (daemonPid(system) === pid) {
    if (Date.now() > deadline)
      throw new Failure(
        `The daemon (process ${pid}) is still there after ${PATIENCE_SECONDS} s; see ${system.log}`,
      );
    await sleep(20);
  }
  return true;
}

/** Was dist/ rebuilt after this daemon was started? */
export function isOlderThanBuild(system) {
  if (!existsSync(system.pidFile)) return false;
  return statSync(system.pidFile).mtimeMs < statSync(`${ROOT}/dist/.built`).mtimeMs;
}

/** The running daemon's process; undefined when the pid file is a leftover. Trusts no pid that is something else. */
function daemonPid(system) {
  try {
    const pid = Number(readFileSync(system.pidFile, 'utf8'));
    const alive =
      Number.isSafeInteger(pid) &&
      pid > 1 &&
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('daemon/main');
    return alive ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** The end of what the daemon logged this time, its JSON lines as sentences. */
function lastLines(log, from) {
  const lines = readFileSync(log).subarray(from).toString('utf8').trimEnd().split('\n').slice(-15);
  return lines.map((line) => `  ${sentence(line)}`).join('\n');
}

function sentence(line) {
  try {
    const { level, message, time, ...fields } = JSON.parse(line);
    const details = Object.entries(fields).map(([key, value]) => `\n      ${key}: ${value}`);
    return `${level}: ${message}${details.join('')}`;
  } catch {
    return line;
  }
}
