import type { Command } from 'commander';
import { QubesVMNotStartedError, QubesVMShutdownTimeoutError } from '../base/errors.ts';
import type { DomainClient } from '../client/domain-client.ts';
import { type Context, UsageError } from './context.ts';
import { doToDomains, newVerb, unless, type VerbOptions } from './domain-verb.ts';
import { selectDomains } from './domains.ts';

interface ShutdownOptions extends VerbOptions {
  readonly wait?: true;
  readonly timeout?: string;
  readonly force?: true;
  readonly dryRun?: true;
}

export function define(context: Context): Command {
  return newVerb(context, {
    name: 'qvm-shutdown',
    summary: 'ask domains to stop',
    details:
      'With --wait, a domain that has not stopped when its time is over is killed. Halted domains are no error.',
    examples: [
      ['qvm-shutdown work', 'asks, and returns'],
      ['qvm-shutdown --wait work && qvm-start work', 'a restart'],
      ['qvm-shutdown --wait --timeout 10 work', 'killed if it is not done in 10 seconds'],
      ['qvm-shutdown --all --wait --exclude sys-net', 'the evening'],
    ],
  })
    .option('--wait', 'until they have stopped, each at most its shutdown_timeout')
    .option('--timeout <SECONDS>', 'wait, but at most so long; then kill')
    .option('--force', 'even when others depend on it, as on their netvm')
    .option('--dry-run', 'print what would be asked to stop')
    .action((names: string[], options: ShutdownOptions) => shutdown(context, names, options));
}

async function shutdown(context: Context, names: readonly string[], options: ShutdownOptions): Promise<void> {
  const timeout = secondsIn(options.timeout);
  if (options.dryRun) return dryRun(context, await selectDomains(context, names, options));
  // When everything goes, nobody is left to depend on anything.
  const force = Boolean(options.force || (options.all && !options.exclude));
  const wait = Boolean(options.wait || timeout !== undefined);
  const doing = {
    tool: 'qvm-shutdown',
    verb: 'shutting down',
    done: wait ? 'stopped' : 'asked to stop',
    retryInUse: true,
  };
  await doToDomains(context, names, options, doing, (domain) =>
    unless(QubesVMNotStartedError, stop(context, domain, { force, wait, timeout })),
  );
}

async function dryRun(context: Context, chosen: readonly string[]): Promise<void> {
  const started = (await context.client.list()).filter(({ state }) => state !== 'Halted' && state !== 'NA');
  for (const { name } of started) if (chosen.includes(name)) context.stdout.write(`${name}\n`);
}

interface Manner {
  readonly force: boolean;
  readonly wait: boolean;
  readonly timeout: number | undefined;
}

async function stop(context: Context, domain: DomainClient, { force, wait, timeout }: Manner): Promise<void> {
  try {
    await atMost(timeout, domain.shutdown({ force, wait }));
  } catch (error) {
    if (!(error instanceof QubesVMShutdownTimeoutError)) throw error;
    context.stderr.write(`qvm-shutdown: ${domain.name} did not stop in time; killing it\n`);
    await domain.kill();
  }
}

/** Rejects with QubesVMShutdownTimeoutError when `work` takes longer than that many seconds. */
async function atMost(seconds: number | undefined, work: Promise<void>): Promise<void> {
  if (seconds === undefined) return work;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new QubesVMShutdownTimeoutError('too late')), seconds * 1000);
  work.catch(() => {}); // the daemon's own answer may come after ours
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function secondsIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > 86_400)
    throw new UsageError(`--timeout '${text}' is not a number of seconds (0 to 86400)`);
  return seconds;
}
