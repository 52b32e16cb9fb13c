/** `npm run build`: compiles src/ into dist/, if it has changed. */
import { ensureBuild } from './lib/build.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { main } from './lib/run.mjs';

await main(async () => {
  await ensurePackages();
  await ensureBuild();
});
