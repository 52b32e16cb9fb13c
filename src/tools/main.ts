import { enableCompileCache } from 'node:module';

/**
 * Where every launcher in bin/ enters: `main.ts TOOL ARGUMENTS...`. Loads only what that tool needs, with compiled
 * code cached beside the dependencies. Not in node's default place: that is in /tmp, where others may put files.
 */
enableCompileCache(new URL('../../node_modules/.cache/bulkhead', import.meta.url).pathname);

const { TOOLS } = await import('./registry.ts');
const { runTool } = await import('./run-tool.ts');
const { processContext } = await import('./process-context.ts');

const [, , name = 'bulkhead', ...argv] = process.argv;
const tool = TOOLS[name];
if (tool === undefined) {
  process.stderr.write(`bulkhead: there is no tool '${name}'\n`);
  process.exit(2);
}
process.exit(await runTool((await tool()).define, argv, processContext()));
