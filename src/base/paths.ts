/** Where one system keeps its files. The only place that knows; the daemon and its clients must agree. */

/** Environment variables this file reads; `process.env` fits. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A system's two directories. Both absolute; neither need exist. */
export interface SystemPaths {
  /** Survives restarts of the machine: the domains and their volumes. */
  readonly state: string;
  /** Sockets and what else lives as long as the daemon. */
  readonly run: string;
}

/** The sockets in a run directory. The first three are Qubes' own names. */
export const SOCKETS = {
  admin: 'qubesd.sock',
  internal: 'qubesd.internal.sock',
  misc: 'qubesd.misc.sock',
  exec: 'exec.sock',
} as const;

/**
 * `BULKHEAD_STATE` and `BULKHEAD_RUN` win; else the system's places for root, and the user's own (XDG base
 * directories) for everybody else. Throws Error when a variable holds a relative path, or when an ordinary user has
 * neither `XDG_RUNTIME_DIR` nor `BULKHEAD_RUN`: a guessed place such as /tmp could be another user's trap.
 */
export function systemPaths(
  env: Environment = process.env,
  uid: number = process.getuid?.() ?? 0,
): SystemPaths {
  return { state: stateDirectory(env, uid), run: runDirectory(env, uid) };
}

/** The state directory alone, for who needs no sockets. */
export function stateDirectory(
  env: Environment = process.env,
  uid: number = process.getuid?.() ?? 0,
): string {
  if (env['BULKHEAD_STATE']) return absolute('BULKHEAD_STATE', env['BULKHEAD_STATE']);
  if (uid === 0) return '/var/lib/bulkhead';
  if (env['XDG_STATE_HOME']) return `${absolute('XDG_STATE_HOME', env['XDG_STATE_HOME'])}/bulkhead`;
  if (env['HOME']) return `${absolute('HOME', env['HOME'])}/.local/state/bulkhead`;
  throw new Error('HOME is not set; set BULKHEAD_STATE to a directory that is yours alone');
}

/** The run directory alone, for clients. */
export function runDirectory(env: Environment = process.env, uid: number = process.getuid?.() ?? 0): string {
  if (env['BULKHEAD_RUN']) return absolute('BULKHEAD_RUN', env['BULKHEAD_RUN']);
  if (uid === 0) return '/run/bulkhead';
  if (env['XDG_RUNTIME_DIR']) return `${absolute('XDG_RUNTIME_DIR', env['XDG_RUNTIME_DIR'])}/bulkhead`;
  throw new Error('XDG_RUNTIME_DIR is not set; set BULKHEAD_RUN to a directory that is yours alone');
}

function absolute(variable: string, value: string): string {
  if (value.startsWith('/')) return value.length > 1 ? value.replace(/\/+$/, '') : value;
  throw new Error(`${variable} is '${value}'; it must be an absolute path`);
}
