import type { Command } from 'commander';
import { QubesFeatureNotFoundError } from '../base/errors.ts';
import { newCommand } from './command.ts';
import { type Context, UsageError } from './context.ts';
import { unless } from './domain-verb.ts';
import { formatPairs } from './table.ts';

interface ServiceOptions {
  readonly enable?: true;
  readonly disable?: true;
  readonly unset?: true;
  readonly delete?: true;
  readonly json?: true;
}

/** A service is a feature of this prefix. */
const PREFIX = 'service.';

export function define(context: Context): Command {
  return newCommand(context, {
    name: 'qvm-service',
    summary: 'show, enable or disable services inside a domain',
    details: 'A change takes effect at the next start of the domain.',
    examples: [
      ['qvm-service work', 'all that were decided'],
      ['qvm-service -e work clocksync', 'enable one'],
      ['qvm-service work cups off', 'disable one'],
      ['qvm-service -D work cups', "leave it to the domain's system"],
    ],
  })
    .argument('<VMNAME>', 'the domain')
    .argument('[SERVICE]', 'the service')
    .argument('[on|off]', 'its new state')
    .option('-e, --enable', 'same as on')
    .option('-d, --disable', 'same as off')
    .option('-D, --unset', "forget it: the domain's own system decides")
    .option('--default, --delete', 'same as --unset')
    .option('-l, --list', 'list services (what happens without SERVICE)')
    .option('--json', 'print JSON')
    .action((name: string, service: string | undefined, state: string | undefined, options: ServiceOptions) =>
      services(context, name, service, state, options),
    );
}

async function services(
  context: Context,
  name: string,
  service: string | undefined,
  state: string | undefined,
  options: ServiceOptions,
): Promise<void> {
  const domain = context.client.domain(name);
  const wanted = wantedState(state, options);
  const unset = options.unset ?? options.delete;
  if (service === undefined) {
    if (unset || wanted !== undefined) throw new UsageError("missing required argument 'SERVICE'");
    return list(context, name, options);
  }
  if (unset && wanted !== undefined) throw new UsageError('--unset and a state at once');
  if (unset) return unless(QubesFeatureNotFoundError, domain.removeFeature(PREFIX + service));
  if (wanted !== undefined) return domain.setFeature(PREFIX + service, wanted ? '1' : '');
  try {
    context.stdout.write(`${onOff(await domain.feature(PREFIX + service))}\n`);
  } catch (error) {
    if (!(error instanceof QubesFeatureNotFoundError)) throw error;
    context.exitCode = 1; // nothing was decided; as on Qubes, without a word
  }
}

function wantedState(state: string | undefined, { enable, disable }: ServiceOptions): boolean | undefined {
  const given = [enable && 'on', disable && 'off', state].filter((word) => typeof word === 'string');
  if (given.length > 1) throw new UsageError(`'${given[0]}' and '${given[1]}' at once`);
  const [word] = given;
  if (word === undefined) return undefined;
  if (/^(1|yes|true|on)$/i.test(word)) return true;
  if (/^(0|no|false|off)$/i.test(word)) return false;
  throw new UsageError(`'${word}' is not a state; write on or off`);
}

async function list(context: Context, name: string, { json }: ServiceOptions): Promise<void> {
  const domain = context.client.domain(name);
  const names = (await domain.features()).filter((feature) => feature.startsWith(PREFIX)).sort();
  const pairs = await Promise.all(
    names.map(async (feature) => [feature.slice(PREFIX.length), await domain.feature(feature)] as const),
  );
  if (json) {
    const states = Object.fromEntries(pairs.map(([service, value]) => [service, value !== '']));
    context.stdout.write(`${JSON.stringify(states, null, 2)}\n`);
  } else context.stdout.write(formatPairs(pairs.map(([service, value]) => [service, onOff(value)])));
}

function onOff(value: string): string {
  return value === '' ? 'off' : 'on';
}
