/**
 * `npm stop`: shuts the domains down, then ends the daemon. `npm stop -- --keep-domains` leaves the domains running;
 * the next daemon takes them over, as after a crash.
 */
import { existsSync } from 'node:fs';
import { answers, stopDaemon, thisSystem } from './lib/daemon.mjs';
import { continueInOurNode } from './lib/our-node.mjs';
import { Failure, main, NODE, ROOT, run } from './lib/run.mjs';

const KEEP = '--keep-domains';

await main(async () => {
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => arg !== KEEP);
  if (unknown) throw new Failure(`unknown option '${unknown}'\n\nUsage: npm stop -- [${KEEP}]`);
  if (!existsSync(NODE)) throw new Failure('Nothing was ever started from here: npm packages are missing.');
  continueInOurNode();

  const system = await thisSystem();
  if (!args.includes(KEEP) && (await answers(system.socket))) await shutDownDomains();
  console.log((await stopDaemon(system)) ? 'The daemon has ended.' : 'No daemon is running.');
});

async function shutDownDomains() {
  const { code } = await run([`${ROOT}/bin/qvm-shutdown`, '--all', '--wait'], { seconds: 300 });
  if (code !== 0)
    throw new Failure(
      `Some domains are still running (see above); \`qvm-kill\` ends one, \`npm stop -- ${KEEP}\` leaves them.`,
    );
}
