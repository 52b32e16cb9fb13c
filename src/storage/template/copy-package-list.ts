import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '../directories.ts';
import { runProgram } from '../program.ts';

const DEADLINE = 60_000;
/** A command line holds at least 128 KiB. */
const FILES_PER_COMMAND = 1000;

/** Parts of dpkg's directory. Locks are made anew; checksums are a third of it, and no operation needs them. */
const DIRECTORIES = ['', 'alternatives', 'info', 'triggers'];
const NOT_COPIED = /^lock|-old$|^available|\.md5sums$/;

/**
 * Copies what dpkg knows of the host's packages, so that packages can be added inside. Thousands of small files: one
 * program copies them in a third of the time that calls from here would take. Nothing when the host has no dpkg.
 */
export async function copyPackageList(from: string, to: string, signal?: AbortSignal): Promise<void> {
  for (const directory of DIRECTORIES) {
    const entries = await readdir(join(from, directory), { withFileTypes: true }).catch(() => []);
    const files = entries
      .filter((entry) => entry.isFile() && !NOT_COPIED.test(entry.name))
      .map(({ name }) => name);
    if (entries.length > 0) await makeDirectories(join(to, directory), 0o755);
    for (let first = 0; first < files.length; first += FILES_PER_COMMAND) {
      const paths = files.slice(first, first + FILES_PER_COMMAND).map((name) => join(from, directory, name));
      await runProgram(
        [
          'cp',
          '--preserve=mode,timestamps',
          '--reflink=auto',
          `--target-directory=${join(to, directory)}`,
          '--',
          ...paths,
        ],
        { deadline: DEADLINE, remedy: 'install coreutils', signal },
      );
    }
  }
  if ((await readdir(to).catch(() => [])).length > 0) await makeDirectories(join(to, 'updates'), 0o755);
}
