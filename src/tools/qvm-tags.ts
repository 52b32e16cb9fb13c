import type { Command } from 'commander';
import { QubesTagNotFoundError } from '../base/errors.ts';
import { newCommand } from './command.ts';
import { type Context, UsageError } from './context.ts';
import { unless } from './domain-verb.ts';

type Doing = 'list' | 'add' | 'del';

/** Qubes' words and their short forms. */
const WORDS: ReadonlyMap<string, Doing> = new Map([
  ['list', 'list'],
  ['ls', 'list'],
  ['l', 'list'],
  ['add', 'add'],
  ['a', 'add'],
  ['set', 'add'],
  ['del', 'del'],
  ['d', 'del'],
  ['unset', 'del'],
  ['u', 'del'],
]);

export function define(context: Context): Command {
  return newCommand(context, {
    name: 'qvm-tags',
    summary: "show or change a domain's tags",
    examples: [
      ['qvm-tags work', 'all of them'],
      ['qvm-tags work add office vpn', 'two more'],
      ['qvm-tags work del vpn', 'one less'],
      ['qvm-tags work list office', 'is it there? exit code 1 when not'],
      ['qvm-ls --tags office', 'who has it'],
    ],
  })
    .usage('[options] VMNAME [list [TAG] | add TAG... | del TAG...]')
    .argument('<VMNAME>', 'the domain')
    .argument('[list|add|del]', 'what to do; list when not given')
    .argument('[TAG...]', 'the tags')
    .option('--json', 'print JSON')
    .action((name: string, word: string | undefined, tags: string[], options: { json?: true }) =>
      work(context, name, word ?? 'list', tags, options),
    );
}

async function work(
  context: Context,
  name: string,
  word: string,
  tags: readonly string[],
  options: { json?: true },
): Promise<void> {
  const doing = WORDS.get(word);
  if (doing === undefined) throw new UsageError(`'${word}' is neither list, add nor del`);
  if (doing === 'list') return list(context, name, tags, options);
  if (tags.length === 0) throw new UsageError("missing required argument 'TAG'");
  const domain = context.client.domain(name);
  for (const tag of tags)
    await (doing === 'add' ? domain.addTag(tag) : unless(QubesTagNotFoundError, domain.removeTag(tag)));
}

async function list(
  context: Context,
  name: string,
  [wanted, ...more]: readonly string[],
  { json }: { json?: true },
): Promise<void> {
  if (more.length > 0) throw new UsageError('list takes one tag at most');
  const all = (await context.client.domain(name).tags()).sort();
  const shown = wanted === undefined ? all : all.filter((tag) => tag === wanted);
  if (wanted !== undefined && shown.length === 0) context.exitCode = 1;
  context.stdout.write(json ? `${JSON.stringify(shown)}\n` : shown.map((tag) => `${tag}\n`).join(''));
}
