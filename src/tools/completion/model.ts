import type { Argument, Command, Option } from 'commander';
import { optionsEndAtArguments } from '../command.ts';

/** What the shells must know of the tools, read off their own definitions. */

/** What may stand at a place: fixed words, names the daemon knows, files, a command, or nothing that could be told. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'names'; readonly of: string; readonly perDomain: boolean }
  | { readonly kind: 'files' | 'none' };

export interface OptionModel {
  /** `-o`, `--format`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for an option without a value. */
  readonly values: Values | undefined;
  /** The value must be attached with `=` or be missing. */
  readonly optionalValue: boolean;
  /** May stand several times. */
  readonly repeatable: boolean;
  /** Takes all words up to the next option. */
  readonly variadic: boolean;
}

export interface ArgumentModel {
  readonly name: string;
  readonly values: Values;
  readonly variadic: boolean;
}

export interface ToolModel {
  /** `qvm-ls`; for a subcommand, its own word. */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionModel[];
  readonly arguments: readonly ArgumentModel[];
  readonly subcommands: readonly ToolModel[];
  /** Options end at the first argument. */
  readonly optionsFirst: boolean;
}

const NAMES: Readonly<Record<string, string>> = {
  VMNAME: 'domains',
  NETVM: 'domains',
  BASE: 'domains',
  TEMPLATE: 'templates',
  LABEL: 'labels',
  CLASS: 'classes',
  POOL: 'pools',
  PROPERTY: 'properties',
  FEATURE: 'features',
  TAG: 'tags',
};

/** Names that belong to the domain named before them. */
const PER_DOMAIN = new Set(['properties', 'features', 'tags']);
const FILES = new Set(['FILE', 'IMAGE']);

export function modelOf(command: Command): ToolModel {
  const help = command.createHelp();
  return {
    name: command.name(),
    summary: command.summary(),
    options: help.visibleOptions(command).map(optionModel),
    arguments: command.registeredArguments.map(argumentModel),
    subcommands: command.commands.map(modelOf),
    optionsFirst: optionsEndAtArguments(command),
  };
}

function optionModel(option: Option): OptionModel {
  const takesValue = option.required || option.optional;
  const [, metavar = ''] = /[<[]([^>\]]+)[>\]]/.exec(option.flags) ?? [];
  return {
    flags: option.flags.match(/(?<![\w-])--?[A-Za-z][\w-]*/g) ?? [],
    description: option.description,
    values: takesValue ? valuesOf(metavar, option.argChoices) : undefined,
    optionalValue: option.optional,
    repeatable: option.variadic || option.parseArg !== undefined,
    variadic: option.variadic,
  };
}

function argumentModel(argument: Argument): ArgumentModel {
  const name = argument.name();
  return { name, values: valuesOf(name, argument.argChoices), variadic: argument.variadic };
}

/** A place is known by its name in the help: `VMNAME`, `y|n`, `FILE`. */
function valuesOf(metavar: string, choices: readonly string[] | undefined): Values {
  if (choices) return { kind: 'words', words: choices };
  const name = metavar.replace(/[,.]+$/, '').replace(/=.*$/, '');
  if (/^[a-z]+(\|[a-z]+)+$/.test(name)) return { kind: 'words', words: name.split('|') };
  const of = NAMES[name];
  if (of && !metavar.includes('=')) return { kind: 'names', of, perDomain: PER_DOMAIN.has(of) };
  return { kind: FILES.has(name) ? 'files' : 'none' };
}
