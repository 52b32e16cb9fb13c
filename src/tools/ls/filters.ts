import { UsageError } from '../context.ts';
import { FEATURES, type Row, TAGS } from './columns.ts';

/** Options of qvm-ls that leave domains out, as commander parses them. */
export interface FilterOptions {
  readonly class?: readonly string[];
  readonly label?: readonly string[];
  readonly tags?: readonly string[];
  readonly excludeTags?: readonly string[];
  readonly running?: true;
  readonly paused?: true;
  readonly halted?: true;
  readonly templateSource?: readonly string[];
  readonly netvmIs?: readonly string[];
  readonly internal?: string;
  readonly servicevm?: string;
  readonly pendingUpdate?: true;
  readonly features?: readonly string[];
  readonly prefs?: readonly string[];
}

interface Filter {
  readonly needs: readonly string[];
  readonly keep: (row: Row) => boolean;
}

const TRUE_TEXTS = new Set(['1', 'true', 'True']);

/** The filters these options ask for; a row stays when all of them keep it. Throws UsageError on a pair without `=`. */
export function filtersOf(options: FilterOptions): Filter[] {
  const filters: Filter[] = [];
  const add = (needs: readonly string[], keep: Filter['keep']) => filters.push({ needs, keep });
  const property = (row: Row, name: string) => row.properties[name]?.value ?? '';

  if (options.class) add([], (row) => options.class?.includes(row.class) === true);
  if (options.label) add(['label'], (row) => options.label?.includes(property(row, 'label')) === true);
  if (options.tags) add([TAGS], (row) => options.tags?.some((tag) => row.tags?.includes(tag)) === true);
  if (options.excludeTags) add([TAGS], (row) => !options.excludeTags?.some((tag) => row.tags?.includes(tag)));
  if (options.templateSource)
    add(['template'], (row) => oneOf(options.templateSource, property(row, 'template')));
  if (options.netvmIs) add(['netvm'], (row) => oneOf(options.netvmIs, property(row, 'netvm')));
  addPowerStates(options, add);
  for (const feature of ['internal', 'servicevm'] as const) {
    const wanted = options[feature];
    if (wanted)
      add([FEATURES], (row) => TRUE_TEXTS.has(row.features?.[feature] ?? '') === wanted.startsWith('y'));
  }
  if (options.pendingUpdate) add([FEATURES], (row) => Boolean(row.features?.['updates-available']));
  for (const pair of options.features ?? []) {
    const [name, wanted] = splitPair('--features', pair);
    add([FEATURES], (row) => row.features?.[name] === wanted);
  }
  for (const pair of options.prefs ?? []) {
    const [dashed, wanted = ''] = splitPair('--prefs', pair);
    const name = dashed.replaceAll('-', '_');
    add([name], (row) => row.properties[name] !== undefined && property(row, name) === wanted);
  }
  return filters;
}

function addPowerStates(
  options: FilterOptions,
  add: (needs: readonly string[], keep: Filter['keep']) => void,
): void {
  const states = (['running', 'paused', 'halted'] as const).filter((state) => options[state]);
  if (states.length > 0) add([], (row) => (states as string[]).includes(row.state.toLowerCase()));
}

/** Empty text, also written `""`, stands for none. */
function oneOf(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted?.some((name) => (name === '""' || name === "''" ? '' : name) === value) === true;
}

/** `NAME=VALUE`; without a value the thing must not be set, with `""` it must be empty. */
function splitPair(option: string, pair: string): [name: string, value: string | undefined] {
  const at = pair.indexOf('=');
  if (at < 1) throw new UsageError(`${option} '${pair}' is not of the form NAME=VALUE`);
  const value = pair.slice(at + 1);
  if (value === '') return [pair.slice(0, at), undefined];
  return [pair.slice(0, at), value === '""' || value === "''" ? '' : value];
}
