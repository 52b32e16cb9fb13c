import type { Readable, Writable } from 'node:stream';
import type { AdminClient } from '../client/admin-client.ts';

/** A stream the tool writes for people or for programs. */
export interface Output extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** All a tool touches of the world. A test hands in its own. */
export interface Context {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Connects when the first request is made, so `--help` needs no daemon. */
  readonly client: AdminClient;
  /** `exec.sock` of the same daemon. */
  readonly execSocket: string;
  /** What the process will end with. */
  exitCode: number;
}

/** Words the user got wrong, found after parsing. Reported as commander reports its own; exit code 2. */
export class UsageError extends Error {}

/** Escape sequences may be used on this stream. */
export function coloured(stream: Output, env: Context['env']): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}
