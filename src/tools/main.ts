import { enableCompileCache } from 'node:module';

/**
 * Where every launcher in bin/ enters: `main.ts TOOL ARGUMENTS...`. Compiled code is cached beside the dependencies;
 * not in node's default place, which is in /tmp, where others may put files. What is loaded before that is switched
 * on is not cached, so everything else is behind this import.
 */
enableCompileCache(new URL('../../node_modules/.cache/bulkhead', import.meta.url).pathname);

import('./start.ts').then(({ start }) => start(process.argv.slice(2)));
