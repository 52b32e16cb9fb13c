import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/**
 * Puts the tools with commander into a few files under dist/bundle. Node takes about half a millisecond a module, and
 * more for ECMAScript ones than for CommonJS: as separate files a tool starts in twice node's own time, so in half.
 */

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = `${root}dist/bundle`;

rmSync(directory, { recursive: true, force: true });
const bundle = await rolldown({ input: `${root}src/tools/main.ts`, platform: 'node', external: [/^node:/] });
await bundle.write({
  dir: directory,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  minify: true,
  sourcemap: true,
});
await bundle.close();
