import type { Command } from 'commander';
import { QubesException } from '../base/errors.ts';
import { ask, confirm } from './ask.ts';
import type { Context } from './context.ts';
import { newVerb, type VerbOptions } from './domain-verb.ts';
import { selectDomains } from './domains.ts';
import { eachDomain } from './each-domain.ts';

interface RemoveOptions extends VerbOptions {
  readonly force?: true;
}

/** What must be typed before everything goes. */
const ALL_WORDS = 'remove all';

export function define(context: Context): Command {
  return newVerb(context, {
    name: 'qvm-remove',
    summary: 'remove domains with everything in them',
    details:
      'Domains must be halted, and not in use by others as template or netvm. What was in them is gone.',
    examples: [
      ['qvm-remove old-project', 'asks first'],
      ["qvm-remove -f 'test-*'", 'does not ask'],
    ],
  })
    .option('-f, --force', 'do not ask')
    .action((names: string[], options: RemoveOptions) => remove(context, names, options));
}

async function remove(context: Context, names: readonly string[], options: RemoveOptions): Promise<void> {
  const chosen = await selectDomains(context, names, options);
  if (chosen.includes('dom0')) throw new QubesException('dom0 is this machine itself; it cannot be removed');
  if (chosen.length === 0) return;
  if (!options.force && !(await agreed(context, chosen, options))) {
    context.stderr.write('Nothing was removed.\n');
    context.exitCode = 1;
    return;
  }
  const doing = { tool: 'qvm-remove', verb: 'removing', retryInUse: true };
  const removed = await eachDomain(context, doing, chosen, (name) => context.client.domain(name).remove());
  if (options.verbose > 0) for (const name of removed) context.stderr.write(`${name}: removed\n`);
}

async function agreed(
  context: Context,
  chosen: readonly string[],
  { all, exclude }: RemoveOptions,
): Promise<boolean> {
  context.stderr.write(
    `This removes, with everything in them:\n${chosen.map((name) => `  ${name}\n`).join('')}`,
  );
  if (!all || exclude) return confirm(context, 'Are you sure?');
  return (
    (await ask(context, `These are all your domains. Type '${ALL_WORDS}' if you mean it: `)) === ALL_WORDS
  );
}
