import { QubesVMInUseError } from '../base/errors.ts';
import type { Context } from './context.ts';
import { withProgress } from './progress.ts';
import { printError } from './run-tool.ts';

/** So many at once; the daemon queues what one domain cannot do side by side. */
const AT_ONCE = 8;

export interface Doing {
  /** The tool's name, for messages. */
  readonly tool: string;
  /** What is shown when it takes long: `starting`. */
  readonly verb: string;
  /** Domains that were in use are tried again once others are done, as long as that helps. */
  readonly retryInUse?: boolean;
}

/**
 * Does `act` for every domain, several at once. One that fails is reported, `TOOL: DOMAIN: why`, and leaves the
 * others alone; the exit code becomes 1. Resolves to the names that worked, in order.
 */
export async function eachDomain(
  context: Context,
  { tool, verb, retryInUse = false }: Doing,
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
): Promise<string[]> {
  const what = names.length === 1 ? names[0] : `${names.length} domains`;
  const failed = await withProgress(context, `${verb} ${what}`, attempt(names, act, retryInUse));
  for (const [name, error] of failed) {
    printError(`${tool}: ${name}`, error, context);
    context.exitCode = 1;
  }
  return names.filter((name) => !failed.has(name));
}

async function attempt(
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
  retryInUse: boolean,
): Promise<Map<string, unknown>> {
  const failed = new Map<string, unknown>();
  let remaining = names;
  for (;;) {
    const round = await oneRound(remaining, act);
    const inUse = retryInUse ? remaining.filter((name) => round.get(name) instanceof QubesVMInUseError) : [];
    const helpless = inUse.length === remaining.length || inUse.length === 0;
    for (const [name, error] of round) if (helpless || !inUse.includes(name)) failed.set(name, error);
    if (helpless) return failed;
    remaining = inUse;
  }
}

async function oneRound(names: readonly string[], act: (name: string) => Promise<unknown>) {
  const failed = new Map<string, unknown>();
  const queue = names.values();
  const worker = async () => {
    for (const name of queue) {
      try {
        await act(name);
      } catch (error) {
        failed.set(name, error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, names.length) }, worker));
  return failed;
}
