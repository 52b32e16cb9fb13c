import type { Cell, Row } from './columns.ts';

/** A row and how it stands under the one it takes network from. */
export interface Placed {
  readonly row: Row;
  /** What stands before its name: `│ ├─`. */
  readonly branch: string;
}

/** Numbers by size, texts by code point, what has no value last. */
export function compareCells(one: Cell, other: Cell, ignoreCase = false): number {
  if (one === undefined || other === undefined)
    return Number(one === undefined) - Number(other === undefined);
  const [left, right] = [one, other].map((cell) => numberIn(cell));
  if (left !== undefined && right !== undefined) return left - right;
  return compareTexts(String(one), String(other), ignoreCase);
}

function numberIn(cell: Cell): number | undefined {
  if (typeof cell === 'number') return cell;
  return typeof cell === 'string' && /^\d+%$/.test(cell) ? Number.parseInt(cell, 10) : undefined;
}

function compareTexts(one: string, other: string, ignoreCase: boolean): number {
  const [left, right] = ignoreCase ? [one.toLowerCase(), other.toLowerCase()] : [one, other];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * The rows as a tree: each under its netvm, siblings in the order given. Those whose netvm is not among the rows are
 * roots; roots nobody depends on come first. Every row appears once, also when the netvms form a loop.
 */
export function placeInTree(rows: readonly Row[]): Placed[] {
  const names = new Set(rows.map(({ name }) => name));
  const children = Map.groupBy(rows, (row) => {
    const netvm = row.properties['netvm']?.value ?? '';
    return names.has(netvm) && netvm !== row.name ? netvm : '';
  });
  const placed: Placed[] = [];
  const seen = new Set<string>();
  const place = (row: Row, branch: string, below: string) => {
    if (seen.has(row.name)) return;
    seen.add(row.name);
    placed.push({ row, branch });
    const under = (children.get(row.name) ?? []).filter(({ name }) => !seen.has(name));
    under.forEach((child, index) => {
      const last = index === under.length - 1;
      place(child, `${below}${last ? '└─' : '├─'}`, `${below}${last ? '  ' : '│ '}`);
    });
  };
  const roots = children.get('') ?? [];
  for (const root of roots) if (!children.has(root.name)) place(root, '', '');
  for (const root of roots) place(root, '', '');
  for (const row of rows) place(row, '', ''); // what a loop kept from the roots
  return placed;
}
