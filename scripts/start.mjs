/**
 * `npm start`: from a fresh clone to a running system. Everything it does, it does only where it is not done yet, so
 * the second run changes nothing. `npm start -- --yes` installs host packages without asking.
 */
import { ensureBuild } from './lib/build.mjs';
import { answers, isOlderThanBuild, startDaemon, thisSystem } from './lib/daemon.mjs';
import { demonstrate } from './lib/demonstration.mjs';
import { ensureHost } from './lib/host.mjs';
import { continueInOurNode } from './lib/our-node.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { Failure, main, NODE, ROOT, run, step } from './lib/run.mjs';

const USAGE = `Usage: npm start -- [--yes]

Installs what is missing (npm packages, host packages), builds, starts the daemon, creates a starter system if there
is none, and shows it at work. BULKHEAD_STATE and BULKHEAD_RUN place the system elsewhere. \`npm stop\` ends it.

  --yes, -y    install host packages without asking
  --help, -h   this text`;

await main(async () => {
  const options = optionsOf(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return;
  }
  await ensurePackages();
  continueInOurNode();
  await ensureHost({ yes: options.yes });
  await ensureBuild();
  await ensureDaemon();
  const { code } = await run([NODE, `${ROOT}/src/tools/starter-system.ts`], { input: 'inherit' });
  if (code !== 0)
    throw new Failure('The starter system is not complete; `npm start` goes on where it stopped.');
  await demonstrate();
});

function optionsOf(args) {
  const unknown = args.find((arg) => !['--yes', '-y', '--help', '-h'].includes(arg));
  if (unknown) throw new Failure(`unknown option '${unknown}'\n\n${USAGE}`);
  return {
    yes: args.includes('--yes') || args.includes('-y'),
    help: args.includes('--help') || args.includes('-h'),
  };
}

async function ensureDaemon() {
  const system = await thisSystem();
  if (!(await answers(system.socket))) {
    await step('Starting the daemon', () => startDaemon(system));
  } else if (isOlderThanBuild(system)) {
    console.log(
      'The daemon runs an earlier build; `npm stop -- --keep-domains && npm start` puts this one in its place.',
    );
  }
}
