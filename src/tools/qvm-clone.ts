import type { Command } from 'commander';
import { cloneDomain } from '../client/clone.ts';
import { newCommand, repeatable } from './command.ts';
import type { Context } from './context.ts';
import { poolsIn } from './pools.ts';
import { withProgress } from './progress.ts';
import { printError } from './run-tool.ts';

interface CloneOptions {
  readonly class?: string;
  readonly ignoreErrors?: true;
  readonly pool?: readonly string[];
  readonly P?: string;
}

export function define(context: Context): Command {
  return newCommand(context, {
    name: 'qvm-clone',
    summary: 'copy a domain with its settings and everything in it',
    examples: [
      ['qvm-clone work work-2', 'an AppVM with a copy of its files'],
      ['qvm-clone host my-template', 'a template to change without harm to the first'],
    ],
  })
    .argument('<VMNAME>', 'the domain to copy')
    .argument('<NEWNAME>', 'name of the copy')
    .option('-C, --class <CLASS>', "class of the copy; the original's when not given")
    .addOption(repeatable('-p, --pool <VOLUME=POOL>', 'put this volume of the copy into that pool'))
    .option('-P <POOL>', 'put all volumes of the copy into this pool')
    .option('--ignore-errors', 'report settings that cannot be copied and go on')
    .action(async (source: string, name: string, options: CloneOptions) => {
      const cloning = cloneDomain(context.client, source, name, {
        ...(options.class !== undefined && { class: options.class }),
        ...poolsIn(options),
        ...(options.ignoreErrors && { onError: (error) => printError('qvm-clone', error, context) }),
      });
      await withProgress(context, `copying ${source} to ${name}`, cloning);
    });
}
