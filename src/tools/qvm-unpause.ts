import type { Command } from 'commander';
import type { DomainClient } from '../client/domain-client.ts';
import type { Context } from './context.ts';
import { doToDomains, newVerb, type VerbOptions } from './domain-verb.ts';

export function define(context: Context): Command {
  return newVerb(context, {
    name: 'qvm-unpause',
    summary: 'let paused or suspended domains go on',
    examples: [['qvm-unpause work', 'where it was']],
  }).action(async (names: string[], options: VerbOptions) => {
    const doing = { tool: 'qvm-unpause', verb: 'unpausing', done: 'unpaused' };
    await doToDomains(context, names, options, doing, goOn);
  });
}

async function goOn(domain: DomainClient): Promise<void> {
  const { power_state: state } = await domain.state();
  await (state === 'Suspended' ? domain.resume() : domain.unpause());
}
