import type { Context } from './context.ts';
import { withProgress } from './progress.ts';
import { printError } from './run-tool.ts';

/** So many at once; the daemon queues what one domain cannot do side by side. */
const AT_ONCE = 8;

/**
 * Does `act` for every domain, several at once. One that fails is reported, `TOOL: DOMAIN: why`, and leaves the
 * others alone; the exit code becomes 1. Resolves to the names that worked, in order.
 */
export async function eachDomain(
  context: Context,
  tool: string,
  doing: string,
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
): Promise<string[]> {
  const worked = new Set<string>();
  const queue = names.values();
  const worker = async () => {
    for (const name of queue) {
      try {
        await act(name);
        worked.add(name);
      } catch (error) {
        printError(`${tool}: ${name}`, error, context);
        context.exitCode = 1;
      }
    }
  };
  const what = names.length === 1 ? names[0] : `${names.length} domains`;
  const all = Promise.all(Array.from({ length: Math.min(AT_ONCE, names.length) }, worker));
  await withProgress(context, `${doing} ${what}`, all);
  return names.filter((name) => worked.has(name));
}
