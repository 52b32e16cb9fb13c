import { Command, Option } from 'commander';
import { type Context, coloured } from './context.ts';

/** An example in a tool's help: what to type, and what it does. */
export type Example = readonly [command: string, meaning: string];

export interface CommandText {
  readonly name: string;
  /** One line, begins with a verb, no full stop. */
  readonly summary: string;
  readonly examples: readonly Example[];
  /** Paragraphs between the summary and the options' list. Lines end where the source is best read. */
  readonly details?: string;
}

/**
 * A commander command with what every tool has: `-h`, `-v`, `-q`, `--version`, examples at the end of the help.
 * Parse errors are thrown (CommanderError), not exits.
 */
export function newCommand(context: Context, { name, summary, examples, details }: CommandText): Command {
  const command = new Command(name)
    .description(details ? `${capital(summary)}.\n\n${paragraphs(details)}` : `${capital(summary)}.`)
    .summary(summary)
    .helpOption('-h, --help', 'show this help and exit')
    .option('-v, --verbose', 'say more', (_, count: number) => count + 1, 0)
    .option('-q, --quiet', 'say less')
    .addOption(new Option('--version', 'print the version and exit'))
    .addOption(new Option('--force-root').hideHelp())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      getOutHelpWidth: () => context.stdout.columns ?? 100,
      getErrHelpWidth: () => context.stderr.columns ?? 100,
      getOutHasColors: () => coloured(context.stdout, context.env),
      getErrHasColors: () => coloured(context.stderr, context.env),
      outputError: () => {}, // reported once, by main
    })
    .configureHelp({ styleTitle: (title) => `\x1b[1m${title}\x1b[22m`, showGlobalOptions: false });
  if (examples.length > 0) command.addHelpText('after', () => examplesText(context, examples));
  return command;
}

function examplesText(context: Context, examples: readonly Example[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const title = coloured(context.stdout, context.env) ? '\x1b[1mExamples:\x1b[22m' : 'Examples:';
  return `\n${title}\n${examples.map(([line, meaning]) => `  ${line.padEnd(width)}  ${meaning}`).join('\n')}`;
}

/** The terminal's width says where lines end; only an empty one ends a paragraph. */
function paragraphs(text: string): string {
  return text.replaceAll(/(?<!\n)\n(?!\n)/g, ' ');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `--name VALUE` that may be given several times, one value each. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, before: string[] | undefined) => [
    ...(before ?? []),
    value,
  ]);
}

const STRICT = new WeakSet<Command>();

/** From the first argument on, everything is an argument: what looks like an option belongs to another command. */
export function endOptionsAtArguments(command: Command): Command {
  STRICT.add(command);
  return command.passThroughOptions();
}

export function optionsEndAtArguments(command: Command): boolean {
  return STRICT.has(command);
}
