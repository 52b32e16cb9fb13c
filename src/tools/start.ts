import { processContext } from './process-context.ts';
import { TOOLS, toolFor } from './registry.ts';
import { runTool } from './run-tool.ts';

/** Runs the tool that the first word names with the others, and ends the process with its code. */
export async function start([name = 'bulkhead', ...argv]: readonly string[]): Promise<never> {
  const { tool, rest } = toolFor(name, argv);
  const load = TOOLS[tool];
  if (load === undefined) {
    process.stderr.write(`bulkhead: there is no tool '${tool}'\n`);
    process.exit(2);
  }
  process.exit(await runTool((await load()).define, rest, processContext()));
}
