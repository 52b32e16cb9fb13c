import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { QubesException } from '../base/errors.ts';
import type { SystemPaths } from '../base/paths.ts';

/** Others may pass through, as the ids of domains must, but not look. */
const MODE = 0o711;
const OTHERS_MAY_PASS = 0o001;

/**
 * Makes the system's directories. Throws QubesException when one above them is closed to others: no domain could
 * then reach its own files, and its start would fail for no visible reason.
 */
export async function makeSystemDirectories({ state, run }: SystemPaths): Promise<void> {
  for (const directory of [state, run]) {
    await mkdir(directory, { recursive: true, mode: MODE });
    await chmod(directory, MODE);
    await mustLetOthersPass(dirname(directory), directory);
  }
}

async function mustLetOthersPass(directory: string, below: string): Promise<void> {
  const { mode } = await stat(directory);
  if ((mode & OTHERS_MAY_PASS) === 0)
    throw new QubesException(
      `'${below}' cannot be used: domains have user ids of their own and must be able to pass through '${directory}', ` +
        `which is closed to others. Open it with: chmod o+x ${directory}, or choose another place with BULKHEAD_STATE and BULKHEAD_RUN`,
    );
  if (directory !== '/') await mustLetOthersPass(dirname(directory), below);
}
