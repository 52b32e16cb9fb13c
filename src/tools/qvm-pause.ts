import type { Command } from 'commander';
import type { Context } from './context.ts';
import { doToDomains, newVerb, type VerbOptions } from './domain-verb.ts';

export function define(context: Context): Command {
  return newVerb(context, {
    name: 'qvm-pause',
    summary: 'freeze domains: they keep their memory but get no time',
    examples: [
      ['qvm-pause work', 'until qvm-unpause work'],
      ["qvm-pause 'disp*'", 'all of that name'],
    ],
  })
    .option('-S, --suspend', 'suspend (S3) instead, where the domain is able to')
    .action(async (names: string[], options: VerbOptions & { suspend?: true }) => {
      const doing = { tool: 'qvm-pause', verb: 'pausing', done: 'paused' };
      await doToDomains(context, names, options, doing, (domain) =>
        options.suspend ? domain.suspend() : domain.pause(),
      );
    });
}
