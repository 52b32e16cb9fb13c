import { AdminClient } from '../client/admin-client.ts';
import { systemPathOf } from '../client/socket-path.ts';
import type { Context } from './context.ts';

/** This process's own streams and environment. */
export function processContext(): Context {
  // Touching process.stdin opens it; tools that do not read must not.
  return {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
    get client() {
      client ??= new AdminClient();
      return client;
    },
    get execSocket() {
      return systemPathOf('exec');
    },
    env: process.env,
    exitCode: 0,
  };
}

let client: AdminClient | undefined;
