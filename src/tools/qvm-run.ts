import { type Command, Option } from 'commander';
import { type ExecRequest, Execution } from '../client/exec.ts';
import { endOptionsAtArguments, newCommand, repeatable } from './command.ts';
import { type Context, coloured, type Output, UsageError } from './context.ts';
import { LOGIN_SHELL, readCommandLine, type WordOptions } from './run/command-line.ts';
import { DecoratedOutput, type Decoration, flushed } from './run/output.ts';
import { forwardSignals } from './run/signals.ts';
import { takeTerminal, terminalOf } from './run/terminal.ts';
import { printError } from './run-tool.ts';

export interface RunOptions extends WordOptions {
  readonly user?: string;
  readonly autostart?: boolean;
  readonly auto?: boolean;
  readonly passIo?: true;
  readonly localcmd?: string;
  readonly tty?: true;
  readonly interactive?: true;
  readonly service?: true;
  readonly exclude?: readonly string[];
  readonly filterEscapeChars?: boolean;
  readonly colorOutput?: string | false;
  readonly colourOutput?: string | false;
  readonly colorStderr?: string | false;
  readonly colourStderr?: string | false;
  readonly quiet?: true;
  readonly verbose: number;
}

/** The command could not be run at all; its own codes are 0 to 254. */
const NOT_RUN = 255;
/** As a shell reports a program that died of a broken pipe. */
const BROKEN_PIPE = 141;

const DETAILS = `COMMAND alone is shell text: qvm-run work 'ls | wc -l'. With ARGs, or with --no-shell, it is a program
and its arguments. Options go before VMNAME. Without COMMAND, on a terminal, a login shell opens.

The output is shown unless -q is given (Qubes shows it only with -p); input is passed only with -p or -t.
The exit code is the command's own, 128 + N when signal N ended it, 255 when it could not be run.`;

export function define(context: Context): Command {
  const command = newCommand(context, {
    name: 'qvm-run',
    summary: 'run a command in a domain',
    details: DETAILS,
    examples: [
      ["qvm-run work 'id; hostname'", 'a shell line in work, which is started if need be'],
      ['qvm-run work ls -l /home', 'a program and its arguments'],
      ['qvm-run work', 'a shell of your own in work, on this terminal'],
      ['qvm-run -t work htop', 'a program that wants a terminal'],
      ['tar c docs | qvm-run -p work tar x', 'bytes in'],
      ['qvm-run -p work cat photo.png > photo.png', 'bytes out'],
      ['echo hi | qvm-run -p --dispvm=default-dvm cat', 'in a new disposable, gone afterwards'],
      ['qvm-run --all uptime', 'in every running domain'],
    ],
  })
    .usage('[options] VMNAME|--dispvm[=BASE]|--all COMMAND [ARG...]')
    .argument('[VMNAME]', 'the domain')
    .argument('[COMMAND]', 'shell text, or a program when ARGs follow')
    .argument('[ARG...]', 'its arguments');
  return endOptionsAtArguments(command)
    .option('-u, --user <USER>', "as this account; else the domain's default_user")
    .option('-p, --pass-io', 'pass this input to the command')
    .option('-t, --tty', 'give the command this terminal; what it prints reaches it unfiltered')
    .option('--interactive', 'same as --tty')
    .option('-a, --autostart', 'start the domain if it is halted, unpause it if it is paused (the default)')
    .option('-n, --no-autostart', 'fail when the domain is not running')
    .addOption(new Option('--auto').hideHelp())
    .addOption(new Option('--no-auto').hideHelp())
    .option(
      '--dispvm [BASE]',
      'in a new disposable made from BASE, else from the default; write --dispvm=BASE',
    )
    .option('--all', 'in all running domains; each line begins with the name')
    .addOption(repeatable('--exclude <VMNAME>', 'with --all: not in this one'))
    .option('--localcmd <COMMAND>', 'with -p: connect the command to this local one, not to these streams')
    .option('--service', 'COMMAND is the name of a qrexec service')
    .option('--no-shell', 'COMMAND is a program, not shell text')
    .option('--filter-escape-chars', 'replace what could control a terminal (the default on a terminal)')
    .option('--no-filter-escape-chars', 'DANGEROUS on a terminal: let everything through')
    .option('--color-output <COLOUR>', 'ANSI colour of its output; 31 (red) with -p on a terminal')
    .option('--no-color-output', 'leave its output as it is')
    .option('--color-stderr <COLOUR>', 'ANSI colour of its errors; 31 (red) with -p on a terminal')
    .option('--no-color-stderr', 'leave its errors as they are')
    .addOption(new Option('--colour-output <COLOUR>').hideHelp())
    .addOption(new Option('--no-colour-output').hideHelp())
    .addOption(new Option('--colour-stderr <COLOUR>').hideHelp())
    .addOption(new Option('--no-colour-stderr').hideHelp())
    .option('--gui', 'accepted for compatibility')
    .option('--no-gui', 'accepted for compatibility')
    .addOption(new Option('--nogui').hideHelp())
    .action(
      async (_name: unknown, _command: unknown, _args: unknown, options: RunOptions, command: Command) => {
        const dispvmJoined = rawArgsOf(command).includes(`--dispvm=${options.dispvm}`);
        context.exitCode = await run(context, command.args, { ...options, dispvmJoined });
      },
    );
}

/** The words as they were typed; commander has them, and no type for them. */
function rawArgsOf(command: Command): readonly string[] {
  return (command as Command & { readonly rawArgs: readonly string[] }).rawArgs;
}

async function run(context: Context, words: readonly string[], options: RunOptions): Promise<number> {
  const line = commandLine(words, options);
  if (line.target === 'dom0') throw new UsageError('dom0 is this machine itself; run the command here');
  refuseContradictions(options);
  const request = requestOf(context, line.argv, options);
  try {
    if (options.all) return await runInAll(context, request, options);
    if (options.verbose > 0) context.stderr.write(`Running '${line.shown}' on ${line.target}\n`);
    if (options.localcmd !== undefined) {
      const { runWithLocal } = await import('./run/local-command.ts');
      return await runWithLocal(context, { ...request, domain: line.target ?? '' }, options.localcmd);
    }
    return await runInOne(context, { ...request, domain: line.target ?? '' }, options);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return BROKEN_PIPE;
    printError('qvm-run', error, context);
    return NOT_RUN;
  }
}

function commandLine(words: readonly string[], options: RunOptions) {
  try {
    return readCommandLine(words, options);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function refuseContradictions(options: RunOptions): void {
  if (options.all && options.dispvm !== undefined)
    throw new UsageError('--all and --dispvm at once; give one of them');
  if (options.exclude && !options.all) throw new UsageError('--exclude is only for use with --all');
  if (options.localcmd !== undefined && !options.passIo) throw new UsageError('--localcmd needs --pass-io');
  if (options.localcmd !== undefined && options.all) throw new UsageError('--localcmd and --all at once');
  if (options.all && options.passIo)
    throw new UsageError('one input cannot be passed to several domains; leave out -p');
  if (options.all && wantsTerminal(options))
    throw new UsageError('one terminal cannot serve several domains');
  if (options.service)
    throw new UsageError('--service: calls by qrexec are not in this version; run the program itself');
}

const wantsTerminal = (options: RunOptions) => Boolean(options.tty || options.interactive);

type PartialRequest = Omit<ExecRequest, 'domain'>;

function requestOf(context: Context, argv: readonly string[], options: RunOptions): PartialRequest {
  const terminal = terminalFor(context, argv, options);
  const autostart = options.autostart !== false && options.auto !== false;
  return {
    command: argv.length > 0 ? argv : LOGIN_SHELL,
    ...(options.user !== undefined && { user: options.user }),
    ...(!autostart && { autostart }),
    ...(terminal && { terminal }),
  };
}

/** Looks at stdin only when a terminal is wanted: opening it takes a tenth of what a whole run does. */
function terminalFor(
  context: Context,
  argv: readonly string[],
  options: RunOptions,
): ExecRequest['terminal'] {
  if (argv.length > 0 && !wantsTerminal(options)) return undefined;
  if (context.stdin.isTTY && context.stdout.isTTY) return terminalOf(context);
  if (argv.length === 0) throw new UsageError("missing required argument 'COMMAND'");
  throw new UsageError('--tty needs a terminal for input and output; use -p instead');
}

async function runInOne(context: Context, request: ExecRequest, options: RunOptions): Promise<number> {
  if (request.terminal) return runOnTerminal(context, request);
  const shown = options.passIo || !options.quiet;
  const stdout = shown ? decorate(context, context.stdout, options) : undefined;
  const stderr = shown ? decorate(context, context.stderr, options) : undefined;
  const streams = {
    ...(options.passIo && { stdin: context.stdin }),
    ...(stdout && { stdout }),
    ...(stderr && { stderr }),
  };
  const execution = await Execution.begin(request, streams, context.execSocket);
  using _signals = forwardSignals(new Set([execution]));
  try {
    return await ended(execution);
  } finally {
    await Promise.all([stdout, stderr].map((stream) => stream && flushed(stream)));
  }
}

/** The exit code, given back when a disposable that was made for the command is gone. */
async function ended(execution: Execution): Promise<number> {
  const code = await execution.exitCode;
  await execution.closed;
  return code;
}

async function runOnTerminal(context: Context, request: ExecRequest): Promise<number> {
  const streams = { stdin: context.stdin, stdout: context.stdout, stderr: context.stderr };
  const execution = await Execution.begin(request, streams, context.execSocket);
  using _terminal = takeTerminal(context, execution);
  using _signals = forwardSignals(new Set([execution]));
  return await ended(execution);
}

async function runInAll(context: Context, request: PartialRequest, options: RunOptions): Promise<number> {
  const domains = await context.client.describe({ properties: ['label'], features: true });
  const running = domains.filter(
    ({ name, class: klass, state, features }) =>
      klass !== 'AdminVM' &&
      state === 'Running' &&
      !features?.['internal'] &&
      !options.exclude?.includes(name),
  );
  const executions = new Set<Execution>();
  using _signals = forwardSignals(executions);
  const runIn = async (domain: string): Promise<number> => {
    const [stdout, stderr] = [context.stdout, context.stderr].map((output) =>
      options.quiet ? undefined : decorate(context, output, options, `${domain}: `),
    );
    try {
      const streams = { ...(stdout && { stdout }), ...(stderr && { stderr }) };
      const execution = await Execution.begin({ ...request, domain }, streams, context.execSocket);
      executions.add(execution);
      return await execution.exitCode.finally(() => executions.delete(execution));
    } catch (error) {
      printError(`qvm-run: ${domain}`, error, context);
      return NOT_RUN;
    } finally {
      await Promise.all([stdout, stderr].map((stream) => stream && flushed(stream)));
    }
  };
  const codes = await Promise.all(running.map(({ name }) => runIn(name)));
  return Math.max(0, ...codes);
}

function decorate(context: Context, output: Output, options: RunOptions, prefix?: string): DecoratedOutput {
  const onTerminal = output.isTTY === true;
  const filter = options.filterEscapeChars ?? onTerminal;
  const decoration: Decoration = { filter, prefix, colour: colourFor(context, output, options, filter) };
  return new DecoratedOutput(output, decoration);
}

function colourFor(
  context: Context,
  output: Output,
  options: RunOptions,
  filter: boolean,
): string | undefined {
  const forErrors = output === context.stderr;
  const chosen = forErrors
    ? (options.colorStderr ?? options.colourStderr)
    : (options.colorOutput ?? options.colourOutput);
  if (chosen === false) return undefined;
  if (chosen !== undefined) {
    if (!/^[0-9;]{1,20}$/.test(chosen))
      throw new UsageError(`'${chosen}' is not an ANSI colour; write a number, 31`);
    if (!filter)
      throw new UsageError('a colour needs --filter-escape-chars: unfiltered output could change it');
    return chosen;
  }
  return options.passIo && filter && coloured(output, context.env) ? '31' : undefined;
}
