/** `npm run bench`: measures a private daemon, on a temporary system of its own. `npm run bench -- --help` for options. */
import { ensureBuild } from './lib/build.mjs';
import { ensureHost } from './lib/host.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { main, NODE, run } from './lib/run.mjs';

await main(async () => {
  await ensurePackages();
  await ensureHost();
  await ensureBuild();
  const { code } = await run([NODE, 'test/bench/main.ts', ...process.argv.slice(2)], { seconds: 1800 });
  process.exitCode = code;
});
