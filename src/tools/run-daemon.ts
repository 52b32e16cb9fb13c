import { fileURLToPath } from 'node:url';

/** Becomes the daemon: the same process, so that signals and its exit code are its own. Never returns. */
export function runDaemon(): never {
  const program = fileURLToPath(new URL('../../bin/bulkhead-daemon', import.meta.url));
  process.execve?.(program, [program], definedOnly(process.env));
  throw new Error('this version of node cannot become another program; use the one npm installs');
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
