import { writeSync } from 'node:fs';
import { messageOf, QubesException } from '../base/errors.ts';
import { jsonLog } from '../base/log.ts';
import { systemPaths } from '../base/paths.ts';
import { startDaemon } from './daemon.ts';

const log = jsonLog(writeLog, Boolean(process.env['BULKHEAD_DEBUG']));

if (process.argv.length > 2) {
  writeLog('bulkhead-daemon: takes no arguments; see: bulkhead daemon --help\n');
  process.exit(2);
}

/** Resolves when the daemon has been told to stop; listened for from the beginning, so that no moment is missed. */
const told = new Promise<NodeJS.Signals>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve);
});

try {
  await using _daemon = await startDaemon(
    { ...systemPaths(), ociRuntime: process.env['BULKHEAD_OCI_RUNTIME'] ?? 'runc' },
    log,
  );
  log.info('stopping', { signal: await told });
} catch (error) {
  // What somebody else has to mend is said without the place in our code where it was noticed.
  log.error('the daemon cannot run', { error: error instanceof QubesException ? error.message : error });
  writeLog(`bulkhead daemon: ${messageOf(error)}\n`);
  process.exit(1);
}
process.exit(0);

/** Where it cannot be written (a full disk, a reader that went away) a line is lost, and nothing else. */
function writeLog(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // There is nobody to tell.
  }
}
