import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { DomainClient } from '../client/domain-client.ts';
import { confirm } from './ask.ts';
import { newCommand } from './command.ts';
import type { Context } from './context.ts';

interface NotesOptions {
  readonly edit?: true;
  readonly print?: true;
  readonly import?: string;
  readonly set?: string;
  readonly append?: string;
  readonly delete?: true;
  readonly force?: true;
}

const ACTIONS = ['edit', 'print', 'import', 'set', 'append', 'delete'];

export function define(context: Context): Command {
  const action = (flags: string, description: string) => {
    const option = new Option(flags, description);
    return option.conflicts(ACTIONS.filter((name) => name !== option.attributeName()));
  };
  return newCommand(context, {
    name: 'qvm-notes',
    summary: 'read and write notes on a domain',
    details: 'On a terminal the notes are opened in $VISUAL or $EDITOR; elsewhere they are printed.',
    examples: [
      ['qvm-notes work', 'edit them'],
      ['qvm-notes --print work', 'read them'],
      ["qvm-notes --append 'backed up on Monday' work", 'one line more'],
    ],
  })
    .argument('<VMNAME>', 'the domain')
    .addOption(action('-e, --edit', 'edit the notes'))
    .addOption(action('-p, --print', 'print the notes'))
    .addOption(action('-i, --import <FILE>', 'take the notes from a file'))
    .addOption(action('-s, --set <NOTES>', 'replace the notes'))
    .addOption(action('--append <NOTES>', 'add a line'))
    .addOption(action('-d, --delete', 'remove the notes; asks first'))
    .option('-f, --force', 'do not ask')
    .action((name: string, options: NotesOptions) => notes(context, context.client.domain(name), options));
}

async function notes(context: Context, domain: DomainClient, options: NotesOptions): Promise<void> {
  if (options.set !== undefined) return domain.setNotes(options.set);
  if (options.import !== undefined) return domain.setNotes(await readFile(options.import, 'utf8'));
  if (options.append !== undefined) return append(domain, options.append);
  if (options.delete) return remove(context, domain, options);
  const onTerminal = context.stdin.isTTY === true && context.stdout.isTTY === true;
  if (options.edit || (onTerminal && !options.print)) {
    const { editText } = await import('./edit-text.ts');
    const before = await domain.notes();
    const after = await editText(`notes-${domain.name}.txt`, before, context.env);
    if (after !== before) await domain.setNotes(after);
    return;
  }
  print(context, await domain.notes());
}

async function append(domain: DomainClient, line: string): Promise<void> {
  const before = await domain.notes();
  const separator = before === '' || before.endsWith('\n') ? '' : '\n';
  await domain.setNotes(`${before}${separator}${line}`);
}

async function remove(context: Context, domain: DomainClient, { force }: NotesOptions): Promise<void> {
  if (force || (await confirm(context, `Remove the notes on ${domain.name}?`))) return domain.setNotes('');
  context.stderr.write('Nothing was removed.\n');
  context.exitCode = 1;
}

/** Notes may have been written by anybody who may; on a terminal they get no control over it. */
function print(context: Context, untrustedNotes: string): void {
  const text = context.stdout.isTTY
    ? untrustedNotes.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?')
    : untrustedNotes;
  context.stdout.write(text === '' || text.endsWith('\n') ? text : `${text}\n`);
}
