import { runDirectory, SOCKETS } from '../base/paths.ts';

/** Where this environment's daemon listens. Throws Error when the environment does not say (see base/paths). */
export function systemPathOf(socket: keyof typeof SOCKETS): string {
  return `${runDirectory()}/${SOCKETS[socket]}`;
}
