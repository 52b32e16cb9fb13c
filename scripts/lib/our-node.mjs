import { spawnSync } from 'node:child_process';
import { NODE } from './run.mjs';

/**
 * From here on this script runs in the Node that npm installed, whatever the machine has: it can import src/ as it
 * is. Where it does not yet, it is started again in it, and this process ends with its exit code.
 */
export function continueInOurNode() {
  if (Number.parseInt(process.versions.node, 10) >= 24) return;
  const { status } = spawnSync(NODE, process.argv.slice(1), { stdio: 'inherit' });
  process.exit(status ?? 1);
}
