import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../context.ts';
import { ALIASES, TOOLS } from '../registry.ts';
import { modelOf, type ToolModel } from './model.ts';

/** A shell's completion script out of the models of all tools. */
export type Generate = (tools: readonly ToolModel[], aliases: Readonly<Record<string, string>>) => string;

const SHELLS: Readonly<Record<string, () => Promise<{ generate: Generate }>>> = {
  bash: () => import('./bash.ts'),
  zsh: () => import('./zsh.ts'),
  fish: () => import('./fish.ts'),
};

export async function printCompletion(context: Context, shell: string, bulkhead: Command): Promise<void> {
  const load = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (!load) throw new UsageError(`'${shell}' is none of ${Object.keys(SHELLS).join(', ')}`);
  const { generate } = await load();
  context.stdout.write(generate([...(await toolModels(context)), modelOf(bulkhead)], ALIASES));
}

async function toolModels(context: Context): Promise<ToolModel[]> {
  const definitions = await Promise.all(Object.values(TOOLS).map((load) => load()));
  return definitions.map(({ define }) => modelOf(define(context)));
}
