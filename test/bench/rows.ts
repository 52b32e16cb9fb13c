/** The rows of the bench's table, and what each is held to. The one place that knows the targets. */

export interface Row {
  readonly title: string;
  readonly unit: 's' | 'ms' | '/s' | 'MB' | 'x';
  /** Rows measured together; `--only` names these. */
  readonly group: Group;
  readonly target?: Target;
  /** What it is spent on, for when the target is missed. */
  readonly why?: string;
}

export type Target = ({ readonly atMost: number } | { readonly atLeast: number }) & {
  /** Larger systems are measured too, but not held to it. */
  readonly upTo?: number;
};

export const GROUPS = [
  'start',
  'list',
  'get',
  'getall',
  'set',
  'create',
  'events',
  'memory',
  'qvm-ls',
  'container',
] as const;
export type Group = (typeof GROUPS)[number];

/** Measured at every size of system. */
export const SIZE_ROWS = {
  start: {
    group: 'start',
    title: 'start to first answer',
    unit: 's',
    target: { atMost: 0.4, upTo: 1000 },
    why: 'about 0.17 s is node with our modules and the thread of the store; the rest is reading and checking the records, each by itself',
  },
  list: { group: 'list', title: 'admin.vm.List p50', unit: 'ms', target: { atMost: 1.5, upTo: 1000 } },
  get1: { group: 'get', title: 'admin.vm.property.Get, 1 client', unit: '/s' },
  get16: {
    group: 'get',
    title: 'admin.vm.property.Get, 16 clients',
    unit: '/s',
    target: { atLeast: 12_000 },
    why: 'the generator takes one of two processors, and the connection that the protocol wants for each request most of the other; compare the bare server below',
  },
  bare1: { group: 'get', title: '  a bare Node server, 1 client', unit: '/s' },
  bare16: { group: 'get', title: '  a bare Node server, 16 clients', unit: '/s' },
  getShare: {
    group: 'get',
    title: '  our share of the bare server, 16 clients',
    unit: 'x',
    target: { atLeast: 0.6 },
    why: 'the bare server only echoes; ours reads the request to its end, parses and checks it, and asks for permission',
  },
  getAll: {
    group: 'getall',
    title: 'admin.vm.property.GetAll p50',
    unit: 'ms',
    target: { atMost: 0.3 },
    why: 'some 45 properties, each default worked out anew; the connection is 0.2 ms of it',
  },
  set: { group: 'set', title: 'admin.vm.property.Set p50', unit: 'ms', target: { atMost: 3 } },
  set16: { group: 'set', title: 'admin.vm.property.Set, 16 clients', unit: '/s', target: { atLeast: 2_000 } },
  create: { group: 'create', title: 'create one AppVM p50', unit: 'ms' },
  remove: { group: 'create', title: 'remove one AppVM p50', unit: 'ms' },
  createAndRemove: {
    group: 'create',
    title: '  create + remove',
    unit: 'ms',
    target: { atMost: 10 },
    why: 'four commits and the directories of a volume, each of them synced: the disk decides',
  },
  seenBy1: { group: 'events', title: 'a change seen by 1 listener p50', unit: 'ms' },
  seenBy64: { group: 'events', title: 'a change seen by 64 listeners p50', unit: 'ms' },
  seenLate: {
    group: 'events',
    title: '  64 listeners, beyond a change nobody listens to',
    unit: 'ms',
    target: { atMost: 2 },
  },
  memoryFresh: {
    group: 'memory',
    title: 'resident memory, fresh',
    unit: 'MB',
    target: { atMost: 110, upTo: 1000 },
    why: '45 MB are node itself, 18 the thread of the store',
  },
  memoryLoaded: {
    group: 'memory',
    title: 'resident memory, after load',
    unit: 'MB',
    target: { atMost: 110, upTo: 1000 },
    why: 'node reads into 64 KiB for every connection, and its heap keeps what it once needed',
  },
  qvmLs: {
    group: 'qvm-ls',
    title: 'qvm-ls, whole command p50',
    unit: 'ms',
    target: { atMost: 90, upTo: 1000 },
    why: 'half of it is node and the tool starting',
  },
} as const satisfies Record<string, Row>;

/** How a change's cost grows from 100 to 10,000 domains. */
export const GROWTH_ROWS = {
  setGrowth: { group: 'set', title: 'Set p50, 10,000 domains over 100', unit: 'x', target: { atMost: 1.5 } },
  set16Growth: {
    group: 'set',
    title: 'Set per second, 100 domains over 10,000',
    unit: 'x',
    target: { atMost: 1.5 },
  },
  createGrowth: {
    group: 'create',
    title: 'create + remove, 10,000 domains over 100',
    unit: 'x',
    target: { atMost: 1.5 },
  },
} as const satisfies Record<string, Row>;

/** Of a small system whose domains are really started. */
export const CONTAINER_ROWS = {
  containerStart: { group: 'container', title: 'start a domain p50', unit: 'ms' },
  exec: { group: 'container', title: 'run /bin/true in it, to its exit code p50', unit: 'ms' },
  containerStop: { group: 'container', title: 'shut it down p50', unit: 'ms' },
  disposable: {
    group: 'container',
    title: 'disposable, cold: request to output p50',
    unit: 'ms',
    target: { atMost: 100 },
    why: 'the OCI runtime takes about 50 ms to create and start; the rest is two commits, snapshots and mounts',
  },
  disposableGone: { group: 'container', title: 'disposable, cold: request to nothing left p50', unit: 'ms' },
} as const satisfies Record<string, Row>;

export type SizeRow = keyof typeof SIZE_ROWS;
export type GrowthRow = keyof typeof GROWTH_ROWS;
export type ContainerRow = keyof typeof CONTAINER_ROWS;

/** `met`, or by how much it is missed; empty when this value is held to nothing. */
export function verdict(row: Row, value: number, size = 0): string {
  const { target } = row;
  if (!target || (target.upTo !== undefined && size > target.upTo)) return '';
  const excess = 'atMost' in target ? value / target.atMost - 1 : 1 - value / target.atLeast;
  return excess <= 0 ? 'met' : `missed by ${Math.ceil(excess * 100)} %`;
}

export function targetText({ target, unit }: Row): string {
  if (!target) return '';
  const limit = 'atMost' in target ? `<= ${target.atMost}` : `>= ${target.atLeast.toLocaleString('en')}`;
  return `${limit} ${unit}${target.upTo ? ` up to ${target.upTo}` : ''}`;
}
