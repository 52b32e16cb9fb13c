import { Writable } from 'node:stream';
import { type ExecRequest, Execution } from '../../src/client/exec.ts';
import { median } from './median.ts';
import type { PrivateDaemon } from './private-daemon.ts';
import type { ContainerRow } from './rows.ts';

const STARTS = 8;
const COMMANDS = 50;
const DISPOSABLES = 8;

/** Starts, commands and disposables of a fresh system, through the client library. */
export async function measureContainers(daemon: PrivateDaemon): Promise<Map<ContainerRow, number>> {
  await daemon.start();
  await createDomains(daemon);
  const domain = daemon.client.domain('bench-work');
  const times: Record<ContainerRow, number[]> = {
    containerStart: [],
    exec: [],
    containerStop: [],
    disposable: [],
    disposableGone: [],
  };

  for (let n = 0; n < STARTS; n++) {
    times.containerStart.push(await timed(() => domain.start()));
    if (n === 0) {
      const command = { domain: 'bench-work', command: ['/bin/true'] };
      for (let m = 0; m < COMMANDS; m++) times.exec.push((await runCommand(daemon, command)).exited);
    }
    times.containerStop.push(await timed(() => domain.shutdown({ wait: true })));
  }
  for (let n = 0; n < DISPOSABLES; n++) {
    const command = { domain: '@dispvm:bench-dvm', command: ['/bin/echo', 'hi'] };
    const { printed, exited } = await runCommand(daemon, command);
    times.disposable.push(printed);
    times.disposableGone.push(exited);
  }
  return new Map(Object.entries(times).map(([row, values]) => [row as ContainerRow, median(values)]));
}

async function createDomains({ client }: PrivateDaemon): Promise<void> {
  await client.create({ class: 'TemplateVM', name: 'host', label: 'black' });
  await client.call('bulkhead.template.Build', 'host', 'host');
  await client.create({ class: 'AppVM', name: 'bench-work', label: 'blue', template: 'host' });
  const base = await client.create({ class: 'AppVM', name: 'bench-dvm', label: 'red', template: 'host' });
  await base.properties.set('template_for_dispvms', 'True');
}

/** Milliseconds from before the request to its first output, and to its exit code. */
async function runCommand(
  daemon: PrivateDaemon,
  request: ExecRequest,
): Promise<{ printed: number; exited: number }> {
  const began = performance.now();
  let printed = Number.NaN;
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      if (Number.isNaN(printed)) printed = performance.now() - began;
      done();
    },
  });
  const execution = await Execution.begin(request, { stdout }, daemon.execSocket);
  const code = await execution.exitCode;
  if (code !== 0) throw new Error(`${request.command?.join(' ')} in ${request.domain} ended with ${code}`);
  return { printed, exited: performance.now() - began };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
