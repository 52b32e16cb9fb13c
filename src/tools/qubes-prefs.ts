import type { Command } from 'commander';
import { newCommand } from './command.ts';
import type { Context } from './context.ts';
import { type PrefsOptions, prefs, withPrefsOptions } from './prefs.ts';

export function define(context: Context): Command {
  const command = newCommand(context, {
    name: 'qubes-prefs',
    summary: 'show or change properties of the whole system',
    details: 'In the list, D marks a value that is the default and - one that was set.',
    examples: [
      ['qubes-prefs', 'all of them'],
      ['qubes-prefs default_template', 'one'],
      ['qubes-prefs default_netvm sys-firewall', 'change it'],
    ],
  });
  return withPrefsOptions(command).action(
    (property: string | undefined, value: string | undefined, options: PrefsOptions) =>
      prefs(context, context.client.properties, [property, value], options),
  );
}
