import { writeSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import { jsonLog } from '../base/log.ts';
import { systemPaths } from '../base/paths.ts';
import { startDaemon } from './daemon.ts';

const log = jsonLog(writeLog, Boolean(process.env['BULKHEAD_DEBUG']));

try {
  const daemon = await startDaemon(
    { ...systemPaths(), ociRuntime: process.env['BULKHEAD_OCI_RUNTIME'] ?? 'runc' },
    log,
  );
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      log.info('stopping', { signal });
      daemon[Symbol.asyncDispose]().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error('did not stop cleanly', { error });
          process.exit(1);
        },
      );
    });
} catch (error) {
  log.error('the daemon cannot start', { error });
  writeLog(`bulkhead daemon: ${messageOf(error)}\n`);
  process.exit(1);
}

/** Where it cannot be written (a full disk, a reader that went away) a line is lost, and nothing else. */
function writeLog(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // There is nobody to tell.
  }
}
