import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { printable, QubesException } from '../base/errors.ts';
import { type Context, UsageError } from './context.ts';
import { withProgress } from './progress.ts';
import { formatPairs } from './table.ts';

/** The umbrella's commands on the system as a whole. Their methods are Bulkhead's own, beyond the Admin API. */

interface Json {
  readonly json?: true;
}

interface Engine {
  readonly name: string;
  readonly modes: readonly string[];
  readonly missing: readonly string[];
}

export async function status(context: Context, { json }: Json): Promise<void> {
  const text = await context.client.text('bulkhead.Status');
  if (json) return void context.stdout.write(`${text.trimEnd()}\n`);
  const { engines = [], ...rest } = JSON.parse(text) as { engines?: Engine[] } & Record<string, unknown>;
  const facts = Object.entries(rest).map(([name, value]) => [name, shown(value)] as const);
  context.stdout.write(formatPairs([...facts, ...engines.flatMap(describeEngine)]));
}

function describeEngine({ name, modes, missing }: Engine): (readonly [string, string])[] {
  const works = missing.length === 0 ? 'ready' : 'not usable:';
  return [
    [`engine ${name}`, `${modes.join(', ')}: ${works}`],
    ...missing.map((what) => ['', `- ${printable(what, 1000)}`] as const),
  ];
}

function shown(value: unknown): string {
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value), 1000);
}

export async function check(context: Context, { json }: Json): Promise<void> {
  const text = await withProgress(context, 'checking', context.client.text('bulkhead.Check'));
  const { problems } = JSON.parse(text) as { problems: { about: string; problem: string }[] };
  if (problems.length > 0) context.exitCode = 1;
  if (json) context.stdout.write(`${text.trimEnd()}\n`);
  else if (problems.length === 0) context.stdout.write('Nothing is wrong.\n');
  else for (const { about, problem } of problems) context.stdout.write(`${shown(`${about}: ${problem}`)}\n`);
}

interface ImportOptions extends Json {
  readonly skipExisting?: true;
}

export async function importFile(
  context: Context,
  file: string,
  { json, skipExisting }: ImportOptions,
): Promise<void> {
  const manner = skipExisting ? 'skip-existing' : '';
  const importing = context.client.text('bulkhead.Import', 'dom0', manner, resolve(file));
  const text = await withProgress(context, `importing ${file}`, importing);
  if (json) return void context.stdout.write(`${text.trimEnd()}\n`);
  const { domains, warnings } = JSON.parse(text) as { domains: unknown; warnings: unknown[] };
  for (const warning of warnings) context.stderr.write(`bulkhead import: ${shown(warning)}\n`);
  const count = Array.isArray(domains) ? domains.length : Number(domains);
  context.stdout.write(`Imported ${count} ${count === 1 ? 'domain' : 'domains'}; qvm-ls shows them.\n`);
}

export async function exportFile(
  context: Context,
  file: string | undefined,
  { force }: { force?: true },
): Promise<void> {
  const xml = await context.client.text('bulkhead.Export');
  if (file === undefined) return void context.stdout.write(xml);
  try {
    await writeFile(file, xml, { flag: force ? 'w' : 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new QubesException(`'${file}' exists; choose another name, or replace it with --force`);
  }
}

export async function createTemplate(
  context: Context,
  name: string,
  { from, label }: { from: string; label: string },
): Promise<void> {
  const source = templateSource(from);
  const domain = await context.client.create({ class: 'TemplateVM', name, label });
  try {
    await build(context, name, source);
  } catch (error) {
    await domain.remove(); // an empty template is of no use to anybody
    throw error;
  }
}

/** Replaces the system of a domain that exists. */
export async function buildTemplate(
  context: Context,
  name: string,
  { from }: { from: string },
): Promise<void> {
  await build(context, name, templateSource(from));
}

async function build(context: Context, name: string, from: string): Promise<void> {
  const building = context.client.call('bulkhead.template.Build', name, from);
  await withProgress(context, `building ${name} from ${from}`, building);
}

function templateSource(from: string): string {
  if (from === 'host' || from === 'debian') return from;
  throw new UsageError(`--from '${from}' is neither host nor debian`);
}
