import { enableCompileCache } from 'node:module';

/**
 * Where every launcher in bin/ enters: `main.ts TOOL ARGUMENTS...`. Loads only what that tool needs, with compiled
 * code cached beside the dependencies. Not in node's default place: that is in /tmp, where others may put files.
 */
enableCompileCache(new URL('../../node_modules/.cache/bulkhead', import.meta.url).pathname);

const { TOOLS, toolFor } = await import('./registry.ts');
const { runTool } = await import('./run-tool.ts');
const { processContext } = await import('./process-context.ts');

const [, , name = 'bulkhead', ...argv] = process.argv;
const { tool, rest } = toolFor(name, argv);
const load = TOOLS[tool];
if (load === undefined) {
  process.stderr.write(`bulkhead: there is no tool '${tool}'\n`);
  process.exit(2);
}
process.exit(await runTool((await load()).define, rest, processContext()));
