/** `npm run bench`: see scripts/bench.mjs for its options. Needs a build. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/base/errors.ts';
import { fill } from './fill.ts';
import { Generator } from './load/generator.ts';
import { measureContainers } from './measure-containers.ts';
import { SizeMeasurement } from './measure-size.ts';
import { PrivateDaemon } from './private-daemon.ts';
import { jsonReport, machine, type Results, textReport } from './report.ts';
import { type ContainerRow, GROUPS, type Group, type GrowthRow, type SizeRow } from './rows.ts';

const USAGE = `Usage: npm run bench -- [--sizes N,N...] [--only GROUP,GROUP...] [--json FILE]

  --sizes  how many domains to fill the system with, ascending; 10,100,300,1000,10000 when not given
  --only   what to measure: ${GROUPS.join(', ')}
  --json   write the figures to FILE as well`;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    for (const daemon of PrivateDaemon.live) await daemon[Symbol.asyncDispose]();
    process.exit(130);
  });
}

const options = readOptions();
if (options) await main(options);

interface Options {
  readonly sizes: readonly number[];
  readonly wanted: ReadonlySet<Group>;
  readonly json: string | undefined;
}

async function main({ sizes, wanted, json }: Options): Promise<void> {
  const { model, processors, kernel, node, loadAverage } = machine();
  console.log(
    `${processors} x ${model}, Linux ${kernel}, Node ${node}, load average ${loadAverage.toFixed(2)}`,
  );
  if (loadAverage > processors / 2)
    console.log('The machine is busy with other things: figures will suffer.');
  console.log('');
  const failures: string[] = [];
  const attempt = async <T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      failures.push(`${what}: ${messageOf(error)}`);
      return otherwise;
    }
  };

  const perSize = new Map<number, ReadonlyMap<SizeRow, number>>();
  const onlyContainers = wanted.size === 1 && wanted.has('container');
  if (!onlyContainers) await attempt('filled systems', () => measureSizes(sizes, wanted, perSize), undefined);
  const containers = wanted.has('container')
    ? await attempt('containers', inOwnDaemon, new Map<ContainerRow, number>())
    : new Map<ContainerRow, number>();

  const results: Results = { sizes: perSize, growth: growthOf(perSize), containers, failures };
  console.log(`\n${textReport(results)}`);
  if (json) writeFileSync(json, `${JSON.stringify(jsonReport(results), null, 2)}\n`);
  if (failures.length > 0) process.exitCode = 1;
}

/** One system, filled further and further. */
async function measureSizes(
  sizes: readonly number[],
  wanted: ReadonlySet<Group>,
  results: Map<number, ReadonlyMap<SizeRow, number>>,
): Promise<void> {
  using generator = new Generator();
  await using daemon = new PrivateDaemon(generator);
  await using bare = await bareServer(`${daemon.folder}/bare.sock`);
  await daemon.start();
  for (const size of sizes) {
    await announced(`filling the system to ${size} domains`, () => fill(daemon.client, size));
    const measurement = new SizeMeasurement(daemon, generator, bare.socket);
    results.set(size, measurement.values);
    await announced('measuring', () => measurement.run(wanted));
  }
}

async function inOwnDaemon(): Promise<ReadonlyMap<ContainerRow, number>> {
  using generator = new Generator();
  await using daemon = new PrivateDaemon(generator);
  return await announced('measuring containers', () => measureContainers(daemon));
}

async function bareServer(socket: string): Promise<{ socket: string } & AsyncDisposable> {
  const server = fork(fileURLToPath(new URL('./echo-server.ts', import.meta.url)), [socket]);
  await once(server, 'message');
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      server.kill();
      await once(server, 'exit');
    },
  };
}

/** What a change costs at 10,000 domains as a multiple of what it costs at 100. */
function growthOf(sizes: ReadonlyMap<number, ReadonlyMap<SizeRow, number>>): Map<GrowthRow, number> {
  const growth = new Map<GrowthRow, number>();
  const ratio = (row: GrowthRow, of: SizeRow, over: number, under: number) => {
    const value = (sizes.get(over)?.get(of) ?? Number.NaN) / (sizes.get(under)?.get(of) ?? Number.NaN);
    if (!Number.isNaN(value)) growth.set(row, value);
  };
  ratio('setGrowth', 'set', 10_000, 100);
  ratio('set16Growth', 'set16', 100, 10_000);
  ratio('createGrowth', 'createAndRemove', 10_000, 100);
  return growth;
}

async function announced<T>(what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  process.stdout.write(`${what} ... `);
  try {
    return await work();
  } finally {
    console.log(`${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
}

function readOptions(): Options | undefined {
  const string = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      options: { sizes: string, only: string, json: string, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) {
      console.log(USAGE);
      return undefined;
    }
    return {
      sizes: (values.sizes ?? '10,100,300,1000,10000')
        .split(',')
        .map(readSize)
        .sort((a, b) => a - b),
      wanted: new Set((values.only ?? GROUPS.join(',')).split(',').map(readGroup)),
      json: values.json,
    };
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

/** Below ten there is no room for the domains every filled system has. */
function readSize(untrustedText: string): number {
  const size = Number(untrustedText);
  if (!Number.isInteger(size) || size < 10 || size > 60_000)
    throw new Error(`'${untrustedText}' is no size: a whole number from 10 to 60000`);
  return size;
}

function readGroup(untrustedText: string): Group {
  const group = GROUPS.find((name) => name === untrustedText);
  if (!group) throw new Error(`'${untrustedText}' is none of ${GROUPS.join(', ')}`);
  return group;
}
