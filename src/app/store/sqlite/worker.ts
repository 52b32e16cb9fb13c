/**
 * The thread that owns the database file, so that no sync is ever waited for on the daemon's event loop.
 * Speaks `messages.ts`; who started it ends it, once `close` is answered.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../../base/errors.ts';
import { Database } from './database.ts';
import { DatabaseFailure } from './database-failure.ts';
import type { Reply, Request, WorkerOptions } from './messages.ts';
import { Mirror } from './mirror.ts';

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread of the store');
const { directory, mirrorInterval } = workerData as WorkerOptions;
let database: Database;
let mirror: Mirror;

port.on('message', async (request: Request) => {
  try {
    reply(await answer(request));
  } catch (error) {
    // Without its records the store is of no use.
    const fatal = request.kind === 'load' || !(error instanceof DatabaseFailure) || error.fatal;
    reply({ kind: 'failed', problem: messageOf(error), fatal });
  }
});

async function answer(request: Request): Promise<Reply> {
  switch (request.kind) {
    case 'load': {
      database = new Database(directory);
      const rows = database.load();
      mirror = new Mirror(database, directory, mirrorInterval, (problem) =>
        reply({ kind: 'warning', problem }),
      );
      for (const { key, xml } of rows) mirror.changed(key, xml ?? '');
      return { kind: 'loaded', rows };
    }
    case 'commit':
      database.write(request.changes);
      for (const { key, xml } of request.changes) mirror.changed(key, xml);
      return { kind: 'done' };
    case 'close':
      await mirror.finish();
      database.close();
      return { kind: 'done' };
  }
}

function reply(message: Reply): void {
  port?.postMessage(message);
}
