import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DOMAIN, TEMPLATE } from './fill.ts';
import type { Generator } from './load/generator.ts';
import type { Extent, Summary } from './load/load.ts';
import type { Operation } from './load/requests.ts';
import { median } from './median.ts';
import type { PrivateDaemon } from './private-daemon.ts';
import type { Group, SizeRow } from './rows.ts';

/** Rounds of each measurement; the median of the rounds is reported. */
const ROUNDS = 3;
const SECONDS = 0.6;
/** Of the rounds that two servers take by turns. */
const TURNS = 9;
const TURN_SECONDS = 0.25;
const STARTS = 3;
const CREATIONS = 32;
const CHANGES = 50;
const COMMANDS = 7;

const QVM_LS = fileURLToPath(new URL('../../bin/qvm-ls', import.meta.url));

/** Everything measured of a filled system of one size. */
export class SizeMeasurement {
  readonly values = new Map<SizeRow, number>();
  readonly #daemon: PrivateDaemon;
  readonly #generator: Generator;
  readonly #bareSocket: string;

  constructor(daemon: PrivateDaemon, generator: Generator, bareSocket: string) {
    this.#daemon = daemon;
    this.#generator = generator;
    this.#bareSocket = bareSocket;
  }

  /** Restarts the daemon, so that every size is measured from the same beginning. */
  async run(wanted: ReadonlySet<Group>): Promise<void> {
    await this.#start(wanted);
    for (const [group, measure] of Object.entries(this.#measurements)) {
      if (wanted.has(group as Group)) await measure();
    }
    if (wanted.has('memory')) this.values.set('memoryLoaded', this.#daemon.residentMegabytes());
  }

  readonly #measurements: Partial<Record<Group, () => Promise<void>>> = {
    list: async () => this.#set('list', await this.#p50('admin.vm.List')),
    get: () => this.#measureGet(),
    getall: async () => this.#set('getAll', await this.#p50('admin.vm.property.GetAll')),
    set: async () => {
      this.#set('set', await this.#p50('admin.vm.property.Set'));
      this.#set('set16', await this.#perSecond('admin.vm.property.Set', 16));
    },
    create: () => this.#measureCreation(),
    events: () => this.#measureEvents(),
    'qvm-ls': () => this.#measureCommand(),
  };

  async #start(wanted: ReadonlySet<Group>): Promise<void> {
    const times: number[] = [];
    for (let n = 0; n < (wanted.has('start') ? STARTS : 1); n++) {
      await this.#daemon.stop();
      times.push(await this.#daemon.start());
    }
    if (wanted.has('start')) this.#set('start', median(times) / 1000);
    if (wanted.has('memory')) this.#set('memoryFresh', this.#daemon.residentMegabytes());
  }

  async #measureGet(): Promise<void> {
    const one = await this.#getRates(1);
    const sixteen = await this.#getRates(16);
    this.#set('get1', one.ours);
    this.#set('bare1', one.bare);
    this.#set('get16', sixteen.ours);
    this.#set('bare16', sixteen.bare);
    this.#set('getShare', sixteen.share);
  }

  /**
   * Requests per second of ours and of the bare server, in short turns: what else the machine does meanwhile hits
   * both, and the median share is that of turns that belong together.
   */
  async #getRates(clients: number): Promise<{ ours: number; bare: number; share: number }> {
    const turn = async (socket: string) =>
      (await this.#load('admin.vm.property.Get', clients, { seconds: TURN_SECONDS }, socket)).perSecond;
    const turns: { ours: number; bare: number }[] = [];
    for (let n = 0; n <= TURNS; n++)
      turns.push({ ours: await turn(this.#daemon.socket), bare: await turn(this.#bareSocket) });
    turns.shift(); // the first warms up
    return {
      ours: median(turns.map(({ ours }) => ours)),
      bare: median(turns.map(({ bare }) => bare)),
      share: median(turns.map(({ ours, bare }) => ours / bare)),
    };
  }

  async #measureCreation(): Promise<void> {
    const created: number[] = [];
    const removed: number[] = [];
    for (let n = 0; n < ROUNDS; n++) {
      created.push((await this.#load('admin.vm.Create.AppVM', 1, { count: CREATIONS })).p50);
      removed.push((await this.#load('admin.vm.Remove', 1, { count: CREATIONS })).p50);
    }
    this.#set('create', median(created));
    this.#set('remove', median(removed));
    this.#set('createAndRemove', median(created) + median(removed));
  }

  async #measureEvents(): Promise<void> {
    const unheard = await this.#p50('admin.vm.feature.Set');
    this.#set('seenBy1', await this.#seenBy(1));
    const seenBy64 = await this.#seenBy(64);
    this.#set('seenBy64', seenBy64);
    this.#set('seenLate', Math.max(0, seenBy64 - unheard));
  }

  async #seenBy(count: number): Promise<number> {
    const socket = this.#daemon.socket;
    const times: number[] = [];
    for (let n = 0; n < ROUNDS; n++)
      times.push(
        (await this.#generator.do({ kind: 'listeners', socket, domain: DOMAIN, count, changes: CHANGES }))
          .p50,
      );
    return median(times);
  }

  async #measureCommand(): Promise<void> {
    const times: number[] = [];
    const run = promisify(execFile);
    for (let n = 0; n <= COMMANDS; n++) {
      const began = performance.now();
      await run(QVM_LS, [], { env: this.#daemon.env, maxBuffer: 1 << 26 });
      if (n > 0) times.push(performance.now() - began);
    }
    this.#set('qvmLs', median(times));
  }

  async #p50(operation: Operation): Promise<number> {
    return median((await this.#rounds(operation, 1)).map(({ p50 }) => p50));
  }

  async #perSecond(operation: Operation, clients: number): Promise<number> {
    return median((await this.#rounds(operation, clients)).map(({ perSecond }) => perSecond));
  }

  /** The first round warms up and is not counted. */
  async #rounds(operation: Operation, clients: number): Promise<Summary[]> {
    const rounds: Summary[] = [];
    for (let n = 0; n <= ROUNDS; n++) rounds.push(await this.#load(operation, clients, { seconds: SECONDS }));
    return rounds.slice(1);
  }

  #load(
    operation: Operation,
    clients: number,
    extent: Extent,
    socket = this.#daemon.socket,
  ): Promise<Summary> {
    return this.#generator.do({
      kind: 'load',
      socket,
      operation,
      domain: DOMAIN,
      template: TEMPLATE,
      clients,
      extent,
    });
  }

  #set(row: SizeRow, value: number): void {
    this.values.set(row, value);
  }
}
