import { cpus, loadavg, release, totalmem } from 'node:os';
import {
  CONTAINER_ROWS,
  type ContainerRow,
  GROWTH_ROWS,
  type GrowthRow,
  type Row,
  SIZE_ROWS,
  type SizeRow,
  targetText,
  verdict,
} from './rows.ts';

/** All that a run of the bench found out. */
export interface Results {
  readonly sizes: ReadonlyMap<number, ReadonlyMap<SizeRow, number>>;
  readonly growth: ReadonlyMap<GrowthRow, number>;
  readonly containers: ReadonlyMap<ContainerRow, number>;
  /** What could not be measured, and why. */
  readonly failures: readonly string[];
}

/** The tables, for people. */
export function textReport({ sizes, growth, containers, failures }: Results): string {
  const columns = [...sizes.keys()];
  const perSize = Object.entries<Row>(SIZE_ROWS).flatMap(([id, row]) => {
    const values = columns.map((size) => sizes.get(size)?.get(id as SizeRow));
    if (values.every((value) => value === undefined)) return [];
    const verdicts = columns.map((size, at) =>
      values[at] === undefined ? '' : verdict(row, values[at], size),
    );
    return [[named(row), ...values.map(shown), targetText(row), withReason(row, overall(columns, verdicts))]];
  });
  const single = (rows: Record<string, Row>, values: ReadonlyMap<string, number>) =>
    Object.entries(rows).flatMap(([id, row]) => {
      const value = values.get(id);
      return value === undefined
        ? []
        : [[named(row), shown(value), targetText(row), withReason(row, verdict(row, value))]];
    });
  return [
    table(['domains', ...columns.map((size) => size.toLocaleString('en')), 'target', ''], perSize),
    table(['growth', '', 'target', ''], single(GROWTH_ROWS, growth)),
    table(['containers', '', 'target', ''], single(CONTAINER_ROWS, containers)),
    ...failures.map((failure) => `not measured: ${failure}\n`),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** The same for programs: one object a value. */
export function jsonReport(results: Results): object {
  const of = (rows: Record<string, Row>, id: string, value: number, size?: number) => {
    const row = rows[id] as Row;
    const held = verdict(row, value, size);
    return {
      row: id,
      title: row.title.trim(),
      unit: row.unit,
      ...(size === undefined ? {} : { domains: size }),
      value,
      ...(row.target ? { target: row.target } : {}),
      ...(held ? { verdict: withReason(row, held) } : {}),
    };
  };
  return {
    machine: machine(),
    rows: [
      ...[...results.sizes].flatMap(([size, values]) =>
        [...values].map(([id, value]) => of(SIZE_ROWS, id, value, size)),
      ),
      ...[...results.growth].map(([id, value]) => of(GROWTH_ROWS, id, value)),
      ...[...results.containers].map(([id, value]) => of(CONTAINER_ROWS, id, value)),
    ],
    failures: results.failures,
  };
}

/** What the figures belong to. */
export function machine() {
  const processors = cpus();
  return {
    time: new Date().toISOString(),
    processors: processors.length,
    model: processors[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** A target that is missed says what the row is spent on. */
function withReason({ why }: Row, held: string): string {
  return why && held.startsWith('missed') ? `${held}: ${why}` : held;
}

function named({ title, unit }: Row): string {
  return unit === 'x' ? title : `${title}, ${unit}`;
}

function shown(value: number | undefined): string {
  if (value === undefined) return '-';
  return value >= 1000
    ? Math.round(value).toLocaleString('en')
    : value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** One word for a row, naming the sizes at which its target is missed. */
function overall(sizes: readonly number[], verdicts: readonly string[]): string {
  const missed = sizes.flatMap((size, at) =>
    verdicts[at]?.startsWith('missed') ? [`${verdicts[at]} at ${size.toLocaleString('en')}`] : [],
  );
  if (missed.length > 0) return missed.join(', ');
  return verdicts.includes('met') ? 'met' : '';
}

/** Columns padded to their widest cell: the first to the left, figures to the right, the rest to the left. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => {
        const isFigure = at > 0 && at < head.length - 2;
        return isFigure ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
      })
      .join('  ')
      .trimEnd();
  return `${[line(head), '-'.repeat(line(head.map((_, at) => '-'.repeat(widths[at] ?? 0)).slice(0, -1)).length), ...rows.map(line)].join('\n')}\n`;
}
