import { type Command, Option } from 'commander';
import type { DescribedDomain } from '../client/admin-client.ts';
import { newCommand, repeatable } from './command.ts';
import { type Context, UsageError } from './context.ts';
import { globExpression } from './domains.ts';

interface CheckOptions {
  readonly running?: true;
  readonly paused?: true;
  readonly template?: true;
  readonly networked?: true;
  readonly all?: true;
  readonly exclude?: readonly string[];
  readonly quiet?: true;
  readonly verbose: number;
}

const TESTS: Readonly<
  Record<'running' | 'paused' | 'template' | 'networked', (domain: DescribedDomain) => boolean>
> = {
  running: ({ state }) => state !== 'Halted' && state !== 'NA',
  paused: ({ state }) => state === 'Paused',
  template: (domain) => domain.class === 'TemplateVM',
  networked: ({ properties }) =>
    properties['provides_network']?.value === 'True' || Boolean(properties['netvm']?.value),
};

export function define(context: Context): Command {
  return newCommand(context, {
    name: 'qvm-check',
    summary: 'tell whether domains exist, run, are templates or can reach the network',
    details: `Exit code 0: all of them do. 1: none does, or one does not exist. 3: some do.
The answer is also printed on stderr, unless -q is given.`,
    examples: [
      ['qvm-check work', 'does it exist?'],
      ['qvm-check -q --running work && echo yes', 'in a script'],
      ["qvm-check --networked 'sys-*'", 'of several'],
    ],
  })
    .argument('[VMNAME...]', 'domains, or patterns such as work*')
    .option('--all', 'all domains except dom0')
    .addOption(repeatable('--exclude <VMNAME>', 'with --all: leave this one out'))
    .addOption(new Option('--running', 'are they running?'))
    .addOption(new Option('--paused', 'are they paused?'))
    .addOption(new Option('--template', 'are they templates?'))
    .addOption(new Option('--networked', 'can they reach the network?'))
    .action((names: string[], options: CheckOptions) => check(context, names, options));
}

async function check(context: Context, names: readonly string[], options: CheckOptions): Promise<void> {
  if (options.all && names.length > 0) throw new UsageError(`--all and a name ('${names[0]}') at once`);
  if (!options.all && options.exclude) throw new UsageError('--exclude is only for use with --all');
  if (!options.all && names.length === 0) throw new UsageError("missing required argument 'VMNAME'");

  const { found, missing } = await find(context, names, options);
  const asked = (Object.keys(TESTS) as (keyof typeof TESTS)[]).filter((test) => options[test]);
  const passed = found.filter((domain) => asked.every((test) => TESTS[test](domain)));
  const words = asked.length > 0 ? asked.join(', ') : 'exists';
  say(
    context,
    options,
    found.length > 0 && passed.length === 0
      ? [`none of them: ${words}`]
      : passed.map(({ name }) => `${name}: ${words}`),
  );
  say(
    context,
    options,
    missing.map((name) => `${name}: does not exist`),
  );
  context.exitCode = missing.length > 0 || passed.length === 0 ? 1 : passed.length < found.length ? 3 : 0;
}

/** A name nobody has is an answer here, not an error. */
async function find(context: Context, names: readonly string[], options: CheckOptions) {
  const properties = options.networked ? ['netvm', 'provides_network'] : ['label'];
  const domains = await context.client.describe({ properties });
  if (options.all) {
    const found = domains.filter(
      ({ name, class: klass }) => klass !== 'AdminVM' && !options.exclude?.includes(name),
    );
    return { found, missing: [] };
  }
  const patterns = names.map((name) => [name, globExpression(name)] as const);
  return {
    found: domains.filter(({ name }) => patterns.some(([, pattern]) => pattern.test(name))),
    missing: patterns
      .filter(([, pattern]) => !domains.some(({ name }) => pattern.test(name)))
      .map(([name]) => name),
  };
}

function say(context: Context, { quiet }: CheckOptions, lines: readonly string[]): void {
  if (!quiet) for (const line of lines) context.stderr.write(`qvm-check: ${line}\n`);
}
