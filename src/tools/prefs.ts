import type { Command } from 'commander';
import { QubesException, QubesNoSuchPropertyError } from '../base/errors.ts';
import type { PropertiesClient } from '../client/properties-client.ts';
import type { PropertyValue } from '../client/property-text.ts';
import { type Context, UsageError } from './context.ts';
import { withProgress } from './progress.ts';
import { formatPairs } from './table.ts';

/** What qvm-prefs and qubes-prefs have in common: properties shown and changed, of a domain or of the system. */

export interface PrefsOptions {
  readonly helpProperties?: true;
  readonly hideDefault?: true;
  readonly default?: true;
  readonly unset?: true;
  readonly json?: true;
}

/** Adds the arguments after the domain's, and all options. */
export function withPrefsOptions(command: Command): Command {
  return command
    .argument('[PROPERTY]', 'the property to show or change; all when not given')
    .argument('[VALUE]', "its new value; '' or none for no domain")
    .option('-D, --default', 'set the property back to its default')
    .option('--unset', 'same as --default')
    .option('--hide-default', 'leave out what has its default value')
    .option('--json', 'print JSON')
    .option('--help-properties', 'list the properties with their meaning and exit')
    .option('-g, --get', 'accepted for compatibility')
    .option('-s, --set', 'accepted for compatibility');
}

export async function prefs(
  context: Context,
  properties: PropertiesClient,
  [dashed, value]: readonly (string | undefined)[],
  options: PrefsOptions,
): Promise<void> {
  const name = dashed?.replaceAll('-', '_');
  const reset = options.default ?? options.unset;
  if (options.helpProperties) return help(context, properties);
  if (name === undefined) {
    if (reset) throw new UsageError('--default needs the name of a property');
    return showAll(context, properties, options);
  }
  if (reset && value !== undefined) throw new UsageError(`--default and a value ('${value}') at once`);
  if (reset) return explained(name, properties.reset(name));
  if (value !== undefined) return explained(name, set(properties, name, value));
  return explained(name, show(context, properties, name, options));
}

async function showAll(context: Context, properties: PropertiesClient, options: PrefsOptions): Promise<void> {
  const all = [...(await properties.getAll())].sort(([one], [other]) => (one < other ? -1 : 1));
  const shown = options.hideDefault ? all.filter(([, { isDefault }]) => !isDefault) : all;
  if (options.json) {
    context.stdout.write(
      `${JSON.stringify(Object.fromEntries(shown.map(([name, value]) => [name, asJson(value)])), null, 2)}\n`,
    );
    return;
  }
  // The middle column is Qubes' own: D for default, - for set.
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  for (const [name, value] of shown)
    context.stdout.write(
      `${name.padEnd(width)}  ${value.isDefault ? 'D' : '-'}  ${oneLine(shownValue(value))}\n`,
    );
}

async function show(
  context: Context,
  properties: PropertiesClient,
  name: string,
  options: PrefsOptions,
): Promise<void> {
  const value = await properties.get(name);
  if (options.json) context.stdout.write(`${JSON.stringify(asJson(value))}\n`);
  else if (!(options.hideDefault && value.isDefault) && value.value !== '')
    context.stdout.write(`${context.stdout.isTTY ? oneLine(value.value) : value.value}\n`);
}

function asJson({ value, isDefault, type }: PropertyValue) {
  return { value: typed(value, type), default: isDefault, type };
}

function typed(value: string, type: PropertyValue['type']): string | number | boolean | null {
  if (type === 'str') return value;
  if (value === '') return null;
  return type === 'int' ? Number(value) : type === 'bool' ? value === 'True' : value;
}

function shownValue({ value, type }: PropertyValue): string {
  return value === '' && (type === 'vm' || type === 'label') ? 'None' : value;
}

/** What could move a terminal's cursor is taken out. */
function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
}

/** `none` means no domain where a domain is wanted, and is a word anywhere else. */
async function set(properties: PropertiesClient, name: string, value: string): Promise<void> {
  const isNone = value.toLowerCase() === 'none' && (await properties.get(name)).type === 'vm';
  await properties.set(name, isNone ? '' : value);
}

async function explained(name: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof QubesNoSuchPropertyError)) throw error;
    throw new QubesException(`no such property: '${name}'; --help-properties lists them`);
  }
}

async function help(context: Context, properties: PropertiesClient): Promise<void> {
  const names = (await properties.list()).sort();
  const asking = Promise.all(names.map(async (name) => [name, await properties.help(name)] as const));
  const pairs = await withProgress(context, 'asking for the properties', asking);
  context.stdout.write(formatPairs(pairs.map(([name, text]) => [name, text.replace(/\s+/g, ' ').trim()])));
}
