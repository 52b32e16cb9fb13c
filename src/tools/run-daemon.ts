import { fileURLToPath } from 'node:url';

/** Becomes the daemon: the same process, so that signals and its exit code are its own. Never returns. */
export function runDaemon(args: readonly string[]): never {
  // Built code starts the built daemon, source the source.
  const entry = new URL(
    import.meta.url.endsWith('.ts') ? '../daemon/main.ts' : '../daemon/main.js',
    import.meta.url,
  );
  process.execve?.(
    process.execPath,
    [process.execPath, fileURLToPath(entry), ...args],
    definedOnly(process.env),
  );
  throw new Error('this version of node cannot become another program; use the one npm installs');
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
