import { processContext } from './process-context.ts';
import { ALIASES, type DefineTool, TOOLS } from './registry.ts';
import { runTool } from './run-tool.ts';

/** Runs the tool that the first word names with the others, and ends the process with its code. */
export async function start([name = 'bulkhead', ...argv]: readonly string[]): Promise<never> {
  const { tool, rest } = toolFor(name, argv);
  const load = loaderOf(tool);
  if (load === undefined) {
    process.stderr.write(`bulkhead: there is no tool '${tool}'\n`);
    process.exit(2);
  }
  process.exit(await runTool((await load()).define, rest, processContext()));
}

/** The tool these words call for, and the words that are left for it: `bulkhead ls -t` is `qvm-ls -t`. */
export function toolFor(name: string, argv: readonly string[]): { tool: string; rest: readonly string[] } {
  const [first = '', ...rest] = argv;
  const tool = name === 'bulkhead' && Object.hasOwn(ALIASES, first) ? ALIASES[first] : undefined;
  return tool === undefined ? { tool: name, rest: argv } : { tool, rest };
}

function loaderOf(tool: string): (() => Promise<{ define: DefineTool }>) | undefined {
  if (tool === 'bulkhead') return () => import('./bulkhead.ts');
  return Object.hasOwn(TOOLS, tool) ? TOOLS[tool] : undefined;
}
