import type { Command } from 'commander';
import { ProtocolError, QubesException } from '../base/errors.ts';
import type { DomainClient } from '../client/domain-client.ts';
import { type CommandText, newCommand, repeatable } from './command.ts';
import type { Context } from './context.ts';
import { canBeStarted, selectDomains } from './domains.ts';
import { type Doing, eachDomain } from './each-domain.ts';

/** Options of every tool that does one thing to several domains. */
export interface VerbOptions {
  readonly all?: true;
  readonly exclude?: readonly string[];
  readonly verbose: number;
}

/** A command that takes domains, or `--all` less `--exclude`. */
export function newVerb(context: Context, text: CommandText): Command {
  return newCommand(context, text)
    .argument('[VMNAME...]', 'domains, or patterns such as work*')
    .option('--all', 'all domains except dom0')
    .addOption(repeatable('--exclude <VMNAME>', 'with --all: leave this one out'));
}

/** What such a command's action does: `act` for each domain chosen. With `-v` it says what was done. */
export async function doToDomains(
  context: Context,
  names: readonly string[],
  options: VerbOptions,
  doing: Doing & { readonly done: string },
  act: (domain: DomainClient) => Promise<unknown>,
): Promise<void> {
  const chosen = await selectDomains(context, names, options, canBeStarted);
  const worked = await eachDomain(context, doing, chosen, (name) =>
    act(context.client.domain(name)).catch((error: unknown) => {
      // The protocol's words for it say nothing to a person.
      if (name !== 'dom0' || !(error instanceof ProtocolError)) throw error;
      throw new QubesException('is this machine itself, and always runs');
    }),
  );
  if (options.verbose > 0) for (const name of worked) context.stderr.write(`${name}: ${doing.done}\n`);
}

/** Takes one kind of failure for success: killing what does not run. */
export async function unless(kind: new (...args: never[]) => Error, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof kind)) throw error;
  }
}
