import type { Command } from 'commander';
import { QubesFeatureNotFoundError } from '../base/errors.ts';
import { newCommand } from './command.ts';
import { type Context, UsageError } from './context.ts';
import { unless } from './domain-verb.ts';
import { formatPairs } from './table.ts';

interface FeatureOptions {
  readonly unset?: true;
  readonly delete?: true;
  readonly json?: true;
}

export function define(context: Context): Command {
  return newCommand(context, {
    name: 'qvm-features',
    summary: "show or change a domain's features",
    details: 'A feature is a text; empty means no. One that is not set is looked for in the template.',
    examples: [
      ['qvm-features work', 'all that are set'],
      ['qvm-features work gui', 'one; exit code 1 when it is not set'],
      ['qvm-features work gui 1', 'set it'],
      ["qvm-features work gui ''", 'set it to no'],
      ['qvm-features -D work gui', 'forget it'],
    ],
  })
    .argument('<VMNAME>', 'the domain')
    .argument('[FEATURE]', 'the feature to show or change')
    .argument('[VALUE]', 'its new value')
    .option('-D, --unset', 'forget the feature')
    .option('--default, --delete', 'same as --unset')
    .option('--json', 'print JSON')
    .action((name: string, feature: string | undefined, value: string | undefined, options: FeatureOptions) =>
      features(context, name, feature, value, options),
    );
}

async function features(
  context: Context,
  name: string,
  feature: string | undefined,
  value: string | undefined,
  options: FeatureOptions,
): Promise<void> {
  const domain = context.client.domain(name);
  const unset = options.unset ?? options.delete;
  if (unset && feature === undefined) throw new UsageError('--unset needs the name of a feature');
  if (unset && value !== undefined) throw new UsageError(`--unset and a value ('${value}') at once`);
  if (feature === undefined) return list(context, name, options);
  if (unset) return unless(QubesFeatureNotFoundError, domain.removeFeature(feature));
  if (value !== undefined) return domain.setFeature(feature, value);
  await show(context, name, feature, options);
}

async function list(context: Context, name: string, { json }: FeatureOptions): Promise<void> {
  const domain = context.client.domain(name);
  const names = (await domain.features()).sort();
  const pairs = await Promise.all(
    names.map(async (feature) => [feature, await domain.feature(feature)] as const),
  );
  context.stdout.write(json ? `${JSON.stringify(Object.fromEntries(pairs), null, 2)}\n` : formatPairs(pairs));
}

/** Prints the value, or ends with 1 and without a word, as on Qubes: scripts ask this way. */
async function show(
  context: Context,
  name: string,
  feature: string,
  { json }: FeatureOptions,
): Promise<void> {
  try {
    const value = await context.client.domain(name).feature(feature);
    context.stdout.write(json ? `${JSON.stringify(value)}\n` : `${value}\n`);
  } catch (error) {
    if (!(error instanceof QubesFeatureNotFoundError)) throw error;
    context.exitCode = 1;
  }
}
