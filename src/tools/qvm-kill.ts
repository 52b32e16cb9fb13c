import type { Command } from 'commander';
import { QubesVMNotStartedError } from '../base/errors.ts';
import type { Context } from './context.ts';
import { doToDomains, newVerb, unless, type VerbOptions } from './domain-verb.ts';

export function define(context: Context): Command {
  return newVerb(context, {
    name: 'qvm-kill',
    summary: 'stop domains at once, without asking them',
    details: 'What runs inside gets no chance to save anything; qvm-shutdown asks first.',
    examples: [['qvm-kill untrusted', 'now']],
  }).action(async (names: string[], options: VerbOptions) => {
    const doing = { tool: 'qvm-kill', verb: 'killing', done: 'killed' };
    await doToDomains(context, names, options, doing, (domain) =>
      unless(QubesVMNotStartedError, domain.kill()),
    );
  });
}
