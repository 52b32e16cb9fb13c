import { type Command, Option } from 'commander';
import { printable, QubesVMNotFoundError } from '../base/errors.ts';
import { newCommand, repeatable } from './command.ts';
import { type Context, coloured, UsageError } from './context.ts';
import { globExpression } from './domains.ts';
import {
  type Cell,
  COLUMNS,
  type Column,
  columnNamed,
  FORMATS,
  OPTIONAL_PROPERTIES,
  type Row,
} from './ls/columns.ts';
import { fetchRows } from './ls/fetch.ts';
import { type FilterOptions, filtersOf } from './ls/filters.ts';
import { compareCells, type Placed, placeInTree } from './ls/order.ts';
import { withProgress } from './progress.ts';
import { formatPairs, formatTable } from './table.ts';

interface LsOptions extends FilterOptions {
  readonly format?: string;
  readonly fields?: string;
  readonly disk?: true;
  readonly network?: true;
  readonly kernel?: true;
  readonly tree?: true;
  readonly json?: true;
  readonly rawData?: true;
  readonly rawList?: true;
  readonly sort?: string;
  readonly reverse?: true;
  readonly ignoreCase?: true;
  readonly all?: true;
  readonly exclude?: readonly string[];
  readonly helpFormats?: true;
  readonly helpColumns?: true;
}

export function define(context: Context): Command {
  return newCommand(context, {
    name: 'qvm-ls',
    summary: 'list domains and what they are made of',
    examples: [
      ['qvm-ls', 'every domain: state, class, label, template, netvm'],
      ['qvm-ls --tree', 'who gives network to whom'],
      ['qvm-ls --running', 'only what runs now'],
      ["qvm-ls -O name,ip,memory 'work*'", 'these columns, of these domains'],
      ['qvm-ls --disk --sort disk --reverse', 'the largest first'],
      ['qvm-ls --json | jq -r ".[].name"', 'for programs'],
    ],
  })
    .argument('[VMNAME...]', 'domains, or patterns such as work*; all when none are given')
    .optionsGroup('What to show:')
    .addOption(
      new Option('-o, --format <FORMAT>', 'preset columns').choices(Object.keys(FORMATS)).conflicts('fields'),
    )
    .option('-O, --fields <FIELD,...>', 'these columns; any property is one')
    .addOption(
      new Option('-d, --disk', 'same as --format disk').conflicts(['format', 'fields', 'network', 'kernel']),
    )
    .addOption(
      new Option('-n, --network', 'same as --format network').conflicts(['format', 'fields', 'kernel']),
    )
    .addOption(new Option('-k, --kernel', 'same as --format kernel').conflicts(['format', 'fields']))
    .option('-t, --tree', 'each domain under the one it takes network from')
    .option('--json', 'print a JSON array of objects')
    .option('--raw-data', 'print cells with | between them and no headings')
    .option('--raw-list', 'print names only')
    .option('--help-formats', 'list the formats and exit')
    .option('--help-columns', 'list the columns and exit')
    .optionsGroup('Which domains:')
    .option('--all', 'all domains (the default)')
    .addOption(repeatable('--exclude <VMNAME>', 'with --all: leave this one out'))
    .option('--class <CLASS...>', 'only of these classes')
    .option('--label <LABEL...>', 'only with these labels')
    .option('--tags <TAG...>', 'only with one of these tags')
    .option('--exclude-tags <TAG...>', 'only with none of these tags')
    .option('--running', 'only running domains')
    .option('--paused', 'only paused domains')
    .option('--halted', 'only halted domains')
    .option('--template-source <TEMPLATE...>', 'only made from these templates; "" for none')
    .option('--netvm-is <NETVM...>', 'only connected to these; "" for none')
    .addOption(
      new Option('--internal <y|n>', 'only internal domains, or none of them').choices([
        'y',
        'yes',
        'n',
        'no',
      ]),
    )
    .addOption(
      new Option('--servicevm <y|n>', 'only service domains, or none').choices(['y', 'yes', 'n', 'no']),
    )
    .option('--pending-update', 'only with updates waiting')
    .option('--features <FEATURE=VALUE...>', 'only with these features; FEATURE= for not set')
    .option('--prefs <PROPERTY=VALUE...>', 'only with these values; PROPERTY= for none')
    .optionsGroup('In which order:')
    .option('--sort <COLUMN>', 'by this column instead of the name')
    .option('--reverse', 'backwards')
    .option('--ignore-case', 'take upper and lower case as the same')
    .optionsGroup('Options:')
    .option('--spinner', 'accepted for compatibility')
    .option('--no-spinner', 'accepted for compatibility')
    .action((names: string[], options: LsOptions) => list(context, names, options));
}

async function list(context: Context, names: readonly string[], options: LsOptions): Promise<void> {
  if (options.helpFormats) return void context.stdout.write(helpFormats());
  if (options.helpColumns) return void context.stdout.write(helpColumns());
  if (options.all && names.length > 0) throw new UsageError(`--all and a name ('${names[0]}') at once`);
  if (options.exclude && !options.all) throw new UsageError('--exclude is only for use with --all');

  const columns = columnsOf(options);
  const sortBy = columnNamed(options.sort ?? 'name');
  const filters = filtersOf(options);
  const needs = new Set([...columns, sortBy, ...filters].flatMap((part) => part.needs));
  if (options.tree) needs.add('netvm');

  const isNamed = namedIn(names);
  const keep = (row: Row) =>
    isNamed(row.name) && !options.exclude?.includes(row.name) && filters.every((filter) => filter.keep(row));
  const { all, kept } = await withProgress(
    context,
    'listing domains',
    fetchRows(context.client, needs, keep),
  );
  refuseUnknown(names, all);
  refuseUnknownColumns(columnsNamedIn(options), all);

  const byName = new Map(all.map((row) => [row.name, row]));
  const direction = options.reverse ? -1 : 1;
  kept.sort((one, other) => compareCells(one.name, other.name, options.ignoreCase));
  kept.sort(
    (one, other) =>
      direction * compareCells(sortBy.value(one, byName), sortBy.value(other, byName), options.ignoreCase),
  );
  const placed = options.tree ? placeInTree(kept) : kept.map((row) => ({ row, branch: '' }));
  context.stdout.write(render(context, placed, columns, byName, options));
  if (!options.rawData && !options.rawList) warnOfBroken(context, kept);
}

function columnsOf(options: LsOptions): Column[] {
  if (options.rawList) return [columnNamed('name')];
  const preset = options.disk
    ? 'disk'
    : options.network
      ? 'network'
      : options.kernel
        ? 'kernel'
        : options.format;
  const names = options.fields?.split(',').map((field) => field.trim()) ?? FORMATS[preset ?? 'simple'] ?? [];
  if (names.includes('')) throw new UsageError(`--fields '${options.fields}' has an empty column name`);
  return names.map(columnNamed);
}

/** Tells whether a domain is one of those named; every one is when no names were given. */
function namedIn(names: readonly string[]): (name: string) => boolean {
  const patterns = names.map(globExpression);
  return (name) => patterns.length === 0 || patterns.some((pattern) => pattern.test(name));
}

function refuseUnknown(names: readonly string[], rows: readonly Row[]): void {
  for (const name of names) {
    const pattern = globExpression(name);
    if (!rows.some((row) => pattern.test(row.name))) throw new QubesVMNotFoundError(name);
  }
}

/** Those the user named: a preset's may all be missing, as on a system that is still empty. */
function columnsNamedIn({ fields, sort }: LsOptions): Column[] {
  return [...(fields?.split(',') ?? []), ...(sort ? [sort] : [])].map((name) => columnNamed(name.trim()));
}

function refuseUnknownColumns(columns: readonly Column[], rows: readonly Row[]): void {
  const domains = rows.filter((row) => row.class !== 'AdminVM');
  for (const { head, needs } of columns) {
    const [property = ''] = needs;
    if (COLUMNS.has(head) || OPTIONAL_PROPERTIES.has(property) || domains.length === 0) continue;
    if (!rows.some((row) => property in row.properties))
      throw new UsageError(
        `no column and no property is called '${property}' (qvm-ls --help-columns lists them)`,
      );
  }
}

/** A record that could not be read makes a broken domain; whoever looks at a list should hear of it. */
function warnOfBroken(context: Context, rows: readonly Row[]): void {
  for (const { name, broken } of rows)
    if (broken) context.stderr.write(`qvm-ls: ${name} is broken: ${printable(broken, 1000)}\n`);
}

function render(
  context: Context,
  placed: readonly Placed[],
  columns: readonly Column[],
  byName: ReadonlyMap<string, Row>,
  options: LsOptions,
): string {
  if (options.json) return asJson(placed, columns, byName);
  const cells = placed.map(({ row, branch }) =>
    columns.map((column) => {
      const text = cellText(column.value(row, byName));
      return column.head === 'NAME' && !options.rawData && !options.rawList ? branch + text : text;
    }),
  );
  if (options.rawData || options.rawList) return cells.map((row) => `${row.join('|')}\n`).join('');
  const heads = columns.map(({ head }) => head);
  return formatTable(heads, cells, coloured(context.stdout, context.env) ? paintCell : undefined);
}

function asJson(
  placed: readonly Placed[],
  columns: readonly Column[],
  byName: ReadonlyMap<string, Row>,
): string {
  const objects = placed.map(({ row }) =>
    Object.fromEntries(
      columns.map(({ head, value }) => [head.toLowerCase().replaceAll('-', '_'), value(row, byName) ?? null]),
    ),
  );
  return `[${objects.map((object) => `\n  ${JSON.stringify(object)}`).join(',')}\n]\n`;
}

/** As Qubes prints it; what could move a terminal's cursor is taken out. */
function cellText(cell: Cell): string {
  if (cell === undefined || cell === '') return '-';
  if (typeof cell === 'boolean') return cell ? 'True' : 'False';
  return String(cell).replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
}

const LABEL_COLOURS: Readonly<Record<string, string>> = {
  red: '31',
  orange: '38;5;208',
  yellow: '33',
  green: '32',
  gray: '90',
  blue: '34',
  purple: '35',
  black: '1',
};

/** Labels in their own colour, and what runs in green. */
function paintCell(head: string, text: string): string {
  const word = text.trim();
  const colour =
    head === 'LABEL' ? LABEL_COLOURS[word] : head === 'STATE' && word === 'Running' ? '32' : undefined;
  return colour ? `\x1b[${colour}m${text}\x1b[0m` : text;
}

function helpFormats(): string {
  return formatPairs(
    Object.entries(FORMATS).map(([name, columns]) => [name, columns.join(',').toUpperCase()]),
  );
}

function helpColumns(): string {
  const pairs = [...COLUMNS.values()].map(({ head, meaning }) => [head, meaning] as const);
  return `${formatPairs(pairs)}\nAny property is a column too: qvm-prefs --help-properties lists them.\n`;
}
