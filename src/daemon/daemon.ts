import { rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { Dispatcher } from '../api/dispatcher.ts';
import { EventHub } from '../api/events.ts';
import { allHandlers } from '../api/handlers.ts';
import { followEngines } from '../app/follow-engines.ts';
import { load } from '../app/load.ts';
import type { Qubes } from '../app/qubes.ts';
import { autostart, recover } from '../app/recovery.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { SOCKETS } from '../base/paths.ts';
import { attachExtensions } from '../ext/extensions.ts';
import { AdminServer } from './admin-server.ts';
import { compose, type Settings } from './compose.ts';
import { makeSystemDirectories } from './directories.ts';
import { ExecServer } from './exec-server.ts';
import { listen } from './listen.ts';

/** A running daemon. Disposing of it stops serving and closes the state; domains go on running. */
export interface Daemon extends AsyncDisposable {
  readonly system: Qubes;
}

/**
 * Starts a daemon: takes the state (refusing when another holds it), settles what an earlier one left unfinished,
 * and only then answers.
 */
export async function startDaemon(settings: Settings, log: Log): Promise<Daemon> {
  await makeSystemDirectories(settings);
  const { system, store } = compose(settings, log);
  attachExtensions(system);
  await load(system, await store.load(), join(settings.state, 'pool'));
  await setUpPools(system, log);
  followEngines(system);
  await recover(system);
  const servers = await serve(system, settings.run);
  await writeFile(pidFile(settings), `${process.pid}\n`, { mode: 0o644 });
  autostart(system);
  log.info('ready', { domains: system.domains.size, state: settings.state, run: settings.run });
  return {
    system,
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close();
      for (const hypervisor of system.hypervisors) await hypervisor[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(pidFile(settings), { force: true });
    },
  };
}

function pidFile({ run }: Settings): string {
  return join(run, 'daemon.pid');
}

async function setUpPools(system: Qubes, log: Log): Promise<void> {
  for (const pool of system.pools)
    await pool
      .setup()
      .catch((error: unknown) =>
        log.error('a pool is not usable', { pool: pool.name, error: messageOf(error) }),
      );
}

async function serve(system: Qubes, run: string): Promise<Server[]> {
  const admin = new AdminServer(system, new Dispatcher(system, allHandlers()), new EventHub(system));
  const exec = new ExecServer(system);
  return [
    await listen(join(run, SOCKETS.exec), (socket) => exec.serve(socket)),
    await listen(join(run, SOCKETS.admin), (socket) => admin.serve(socket)),
  ];
}
