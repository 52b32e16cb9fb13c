import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dispatcher } from '../../src/api/dispatcher.ts';
import { EventHub } from '../../src/api/events.ts';
import { allHandlers } from '../../src/api/handlers.ts';
import { AdminServer } from '../../src/daemon/admin-server.ts';
import { ExecServer } from '../../src/daemon/exec-server.ts';
import { listen } from '../../src/daemon/listen.ts';
import { smallSystem } from './api.ts';
import type { Model } from './model.ts';

/** The small system behind real sockets, in a directory of its own. */
export class WireSystem implements AsyncDisposable {
  readonly model: Model;
  readonly admin: string;
  readonly exec: string;
  readonly #directory: string;
  readonly #servers: Server[] = [];

  private constructor(model: Model, directory: string) {
    this.model = model;
    this.#directory = directory;
    this.admin = join(directory, 'qubesd.sock');
    this.exec = join(directory, 'exec.sock');
  }

  static async open(): Promise<WireSystem> {
    const model = await smallSystem();
    const wire = new WireSystem(model, await mkdtemp(join(tmpdir(), 'bulkhead-wire-')));
    const { system } = model;
    const admin = new AdminServer(system, new Dispatcher(system, allHandlers()), new EventHub(system));
    const exec = new ExecServer(system);
    wire.#servers.push(
      await listen(wire.admin, (socket) => admin.serve(socket)),
      await listen(wire.exec, (socket) => exec.serve(socket)),
    );
    return wire;
  }

  /** Connections now open to either socket. */
  async connections(): Promise<number> {
    const counts = this.#servers.map(
      (server) => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count))),
    );
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
