import type { Command } from 'commander';
import { newCommand } from './command.ts';
import type { Context } from './context.ts';
import { type PrefsOptions, prefs, withPrefsOptions } from './prefs.ts';

export function define(context: Context): Command {
  const command = newCommand(context, {
    name: 'qvm-prefs',
    summary: "show or change a domain's properties",
    details: 'In the list, D marks a value that is the default and - one that was set.',
    examples: [
      ['qvm-prefs work', 'all of them'],
      ['qvm-prefs work netvm', 'one'],
      ['qvm-prefs work memory 800', 'change it'],
      ['qvm-prefs work netvm none', 'no network'],
      ['qvm-prefs -D work netvm', 'back to the default'],
    ],
  }).argument('<VMNAME>', 'the domain');
  return withPrefsOptions(command).action(
    (name: string, property: string | undefined, value: string | undefined, options: PrefsOptions) =>
      prefs(context, context.client.domain(name).properties, [property, value], options),
  );
}
