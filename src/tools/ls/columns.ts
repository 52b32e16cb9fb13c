import type { DescribedDomain } from '../../client/admin-client.ts';

/** What `qvm-ls` can show of a domain. Heads and formats are Qubes' own. */

/** A domain as qvm-ls knows it: with what the wanted columns needed. */
export interface Row extends DescribedDomain {
  /** Volume name to its `admin.vm.volume.Info`. */
  readonly volumes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** KiB in use, of a running domain. */
  readonly memory?: number;
}

/** A cell's value; `undefined` when the domain has no such thing. */
export type Cell = string | number | boolean | undefined;

export interface Column {
  /** In upper case with dashes, `PRIV-MAX`. */
  readonly head: string;
  readonly meaning: string;
  /** Properties, and other parts of a row, that `value` looks at. */
  readonly needs: readonly string[];
  readonly value: (row: Row, all: ReadonlyMap<string, Row>) => Cell;
}

/** Parts of a row that are not properties, as `needs` names them. */
export const FEATURES = '(features)';
export const TAGS = '(tags)';
export const VOLUMES = '(volumes)';
export const MEMORY = '(memory)';

const MIB = 1024 * 1024;

function volumeNumber(row: Row, volume: string, key: string): number | undefined {
  const text = row.volumes?.[volume]?.[key];
  return text === undefined ? undefined : Number(text);
}

function mebibytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : Math.floor(bytes / MIB);
}

function percentUsed(row: Row, volume: string): string | undefined {
  const size = volumeNumber(row, volume, 'size');
  const usage = volumeNumber(row, volume, 'usage');
  return size && usage !== undefined ? `${Math.floor((usage * 100) / size)}%` : undefined;
}

function volumeColumns(prefix: string, volume: string): Column[] {
  return [
    {
      head: `${prefix}-CURR`,
      meaning: `MiB used by the ${volume} volume`,
      needs: [VOLUMES],
      value: (row) => mebibytes(volumeNumber(row, volume, 'usage')),
    },
    {
      head: `${prefix}-MAX`,
      meaning: `MiB the ${volume} volume may hold`,
      needs: [VOLUMES],
      value: (row) => mebibytes(volumeNumber(row, volume, 'size')),
    },
    {
      head: `${prefix}-USED`,
      meaning: `how full the ${volume} volume is`,
      needs: [VOLUMES],
      value: (row) => percentUsed(row, volume),
    },
    {
      head: `${prefix}-POOL`,
      meaning: `the pool the ${volume} volume is in`,
      needs: [VOLUMES],
      value: (row) => row.volumes?.[volume]?.['pool'],
    },
  ];
}

const BUILT_IN: readonly Column[] = [
  { head: 'NAME', meaning: 'name of the domain', needs: [], value: (row) => row.name },
  {
    head: 'STATE',
    meaning: 'power state: Running, Halted, Paused, Transient, ...',
    needs: [],
    value: (row) => row.state,
  },
  {
    head: 'CLASS',
    meaning: 'class of the domain: AppVM, TemplateVM, ...',
    needs: [],
    value: (row) => row.class,
  },
  { head: 'UUID', meaning: 'identity that outlives a renaming', needs: [], value: (row) => row.uuid },
  {
    head: 'GATEWAY',
    meaning: 'address of the gateway its netvm gives',
    needs: ['netvm', 'gateway'],
    value: (row, all) => propertyValue(all.get(row.properties['netvm']?.value ?? ''), 'gateway'),
  },
  {
    head: 'MEMORY',
    meaning: 'MiB of memory in use',
    needs: [MEMORY],
    value: (row) => (row.memory === undefined ? undefined : Math.ceil(row.memory / 1024)),
  },
  {
    head: 'DISK',
    meaning: 'MiB used by all its volumes',
    needs: [VOLUMES],
    value: (row) =>
      row.volumes &&
      mebibytes(Object.values(row.volumes).reduce((sum, { usage = '0' }) => sum + Number(usage), 0)),
  },
  ...volumeColumns('PRIV', 'private'),
  ...volumeColumns('ROOT', 'root'),
  { head: 'TAGS', meaning: 'its tags', needs: [TAGS], value: (row) => row.tags?.join(',') },
  {
    head: 'FLAGS',
    meaning: 'type (upper case: hvm), state, then Updateable, Network, Rpm, internal, Debug, Autostart',
    needs: [
      'virt_mode',
      'updateable',
      'provides_network',
      'installed_by_rpm',
      'debug',
      'autostart',
      FEATURES,
    ],
    value: flags,
  },
];

/** Columns with a meaning of their own; any other name is a property's. */
export const COLUMNS: ReadonlyMap<string, Column> = new Map(BUILT_IN.map((column) => [column.head, column]));

export const FORMATS: Readonly<Record<string, readonly string[]>> = {
  simple: ['name', 'state', 'class', 'label', 'template', 'netvm'],
  network: ['name', 'state', 'netvm', 'ip', 'ipback', 'gateway'],
  kernel: ['name', 'state', 'class', 'template', 'kernel', 'kernelopts'],
  full: ['name', 'state', 'class', 'label', 'qid', 'xid', 'uuid'],
  prefs: ['name', 'label', 'template', 'netvm', 'vcpus', 'initialmem', 'maxmem', 'virt_mode'],
  disk: [
    ...['name', 'state', 'disk', 'priv-curr', 'priv-max', 'priv-used', 'root-curr', 'root-max', 'root-used'],
  ],
};

/** `ipback` is not a property of ours or of Qubes 4.4; it is shown when a domain has it. */
export const OPTIONAL_PROPERTIES = new Set(['ipback', 'xid']);

/** The column of that name, upper or lower case, dashes or underscores. */
export function columnNamed(name: string): Column {
  const head = name.toUpperCase().replaceAll('_', '-');
  const property = name.toLowerCase().replaceAll('-', '_');
  return (
    COLUMNS.get(head) ?? {
      head,
      meaning: `property ${property}`,
      needs: [property],
      value: (row) => propertyValue(row, property),
    }
  );
}

/** A property as its own type; none and the absence of a property are `undefined`. */
export function propertyValue(row: Row | undefined, name: string): Cell {
  const property = row?.properties[name];
  if (property === undefined || property.value === '') return undefined;
  if (property.type === 'int') return Number(property.value);
  if (property.type === 'bool') return property.value === 'True';
  return property.value;
}

const TYPE_LETTERS: Readonly<Record<string, string>> = {
  AdminVM: '0',
  TemplateVM: 't',
  AppVM: 'a',
  StandaloneVM: 's',
  DispVM: 'd',
  NetVM: 'n',
  ProxyVM: 'p',
  HVM: 'h',
  RemoteVM: 'r',
};

const STATES_WITH_LETTER = new Set([
  'running',
  'transient',
  'paused',
  'suspended',
  'halting',
  'dying',
  'crashed',
]);

/** Eight characters, Qubes' own table. */
function flags(row: Row): string {
  const letter = TYPE_LETTERS[row.class] ?? '-';
  const state = row.state.toLowerCase();
  const stateLetter =
    state === 'na' || state === 'unknown' ? '?' : STATES_WITH_LETTER.has(state) ? state.charAt(0) : '-';
  const when = (condition: boolean, sign: string) => (condition ? sign : '-');
  return [
    row.properties['virt_mode']?.value === 'hvm' ? letter.toUpperCase() : letter,
    stateLetter,
    when(propertyValue(row, 'updateable') === true, 'U'),
    when(propertyValue(row, 'provides_network') === true, 'N'),
    when(propertyValue(row, 'installed_by_rpm') === true, 'R'),
    when(Boolean(row.features?.['internal']), 'i'),
    when(propertyValue(row, 'debug') === true, 'D'),
    when(propertyValue(row, 'autostart') === true, 'A'),
  ].join('');
}
