import type { Command } from 'commander';
import { messageOf, printable, QubesException } from '../base/errors.ts';
import { type Context, UsageError } from './context.ts';
import type { DefineTool } from './registry.ts';

/**
 * Parses `argv` (without the tool's name) and runs the tool. Resolves to the exit code: the tool's own, 1 when
 * something failed, 2 when the words were wrong. What failed is one line on stderr, `qvm-x: what and what to do`.
 */
export async function runTool(
  define: DefineTool,
  argv: readonly string[],
  context: Context,
): Promise<number> {
  const command = define(context);
  const name = command.name();
  if (argv[0] === '--version') {
    const { version } = await import('./version.ts');
    context.stdout.write(`${name} (Bulkhead) ${version()}\n`);
    return 0;
  }
  try {
    await command.parseAsync(argv, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    return report(calledAs(command, argv), error, context);
  }
}

/** `bulkhead import` for a tool with commands of its own, which its help is printed by too. */
function calledAs(command: Command, argv: readonly string[]): string {
  const names = [command.name()];
  let at: Command | undefined = command;
  for (const word of argv) {
    at = at?.commands.find((sub) => sub.name() === word);
    if (!at) break;
    names.push(word);
  }
  return names.join(' ');
}

function report(name: string, error: unknown, context: Context): number {
  if (isCommanderError(error)) {
    if (error.exitCode === 0) return 0; // --help
    const message = error.message
      .replace(/^error: /, '')
      .replace(/\.$/, '')
      .replaceAll('\n', ' ');
    if (error.code !== 'commander.help')
      context.stderr.write(`${name}: ${printable(message, 1000)}; see: ${name} --help\n`);
    return 2;
  }
  if (error instanceof UsageError) {
    context.stderr.write(`${name}: ${printable(error.message, 1000)}; see: ${name} --help\n`);
    return 2;
  }
  printError(name, error, context);
  return 1;
}

/** One line on stderr. A defect, which is anything that was not meant for the user, comes with its place. */
export function printError(prefix: string, error: unknown, context: Context): void {
  const meant = error instanceof QubesException || (error as NodeJS.ErrnoException)?.code !== undefined;
  const text =
    meant || context.env['BULKHEAD_DEBUG'] === undefined ? messageOf(error) : String((error as Error)?.stack);
  context.stderr.write(`${prefix}: ${printable(text, 4000)}\n`);
}

/** By shape: commander itself is loaded by the tool, not here. */
function isCommanderError(error: unknown): error is Error & { code: string; exitCode: number } {
  return (
    error instanceof Error &&
    'exitCode' in error &&
    String((error as { code?: unknown }).code).startsWith('commander.')
  );
}
