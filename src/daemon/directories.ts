import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, QubesException } from '../base/errors.ts';
import type { SystemPaths } from '../base/paths.ts';

/** Nobody else has business with the records and the volumes: root makes the mounts that domains see. */
const STATE_MODE = 0o700;
/** Others may pass through, as the ids of domains must on the way to their root directory, but not look. */
const RUN_MODE = 0o711;
const OTHERS_MAY_PASS = 0o001;

/**
 * Makes the system's directories. Throws QubesException when one cannot be made, or one above the run directory
 * is closed to others: no domain could then reach its root directory, and its start would fail for no visible reason.
 */
export async function makeSystemDirectories({ state, run }: SystemPaths): Promise<void> {
  await make(state, STATE_MODE, 'BULKHEAD_STATE');
  await make(run, RUN_MODE, 'BULKHEAD_RUN');
  await mustLetOthersPass(dirname(run), run);
}

async function make(directory: string, mode: number, variable: string): Promise<void> {
  try {
    await makeMissing(directory);
    await chmod(directory, mode);
  } catch (error) {
    throw new QubesException(
      `'${directory}' cannot be used (${messageOf(error)}); set ${variable} to another place`,
    );
  }
}

/** Level by level: node's own `recursive` never comes back where nobody can make a directory, such as in /proc. */
async function makeMissing(directory: string): Promise<void> {
  if (await isDirectory(directory)) return;
  await makeMissing(dirname(directory));
  await mkdir(directory, { mode: RUN_MODE }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST' || !(await isDirectory(directory))) throw error;
  });
}

function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}

async function mustLetOthersPass(directory: string, below: string): Promise<void> {
  const { mode } = await stat(directory);
  if ((mode & OTHERS_MAY_PASS) === 0)
    throw new QubesException(
      `'${below}' cannot be used: domains have user ids of their own and must be able to pass through '${directory}', ` +
        `which is closed to others. Open it with: chmod o+x ${directory}, or choose another place with BULKHEAD_RUN`,
    );
  if (directory !== '/') await mustLetOthersPass(dirname(directory), below);
}
