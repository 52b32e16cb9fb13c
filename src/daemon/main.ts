import { messageOf } from '../base/errors.ts';
import { jsonLog } from '../base/log.ts';
import { systemPaths } from '../base/paths.ts';
import { startDaemon } from './daemon.ts';

const log = jsonLog((line) => process.stderr.write(line), Boolean(process.env['BULKHEAD_DEBUG']));

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
  process.stderr.write(`bulkhead daemon: ${messageOf(error)}\n`);
  process.exit(1);
}
