/** Text in columns. Pure. */

/** Puts escape sequences around a cell that is already as wide as its column. */
export type Paint = (heading: string, paddedCell: string) => string;

/** Cells under their headings, each column as wide as its widest cell, numbers to the right. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  paint?: Paint,
): string {
  const numeric = headings.map((_, column) => isNumeric(rows, column));
  const widths = headings.map((heading, column) =>
    rows.reduce((width, row) => Math.max(width, displayWidth(row[column] ?? '')), displayWidth(heading)),
  );
  const pad = (cell: string, column: number) => {
    const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(cell)));
    if (numeric[column]) return padding + cell;
    return column === headings.length - 1 ? cell : cell + padding;
  };
  const painted = (cell: string, column: number) => {
    const padded = pad(cell, column);
    return paint ? paint(headings[column] ?? '', padded) : padded;
  };
  const lines = [headings.map(pad), ...rows.map((cells) => cells.map(painted))];
  return lines.map((cells) => `${cells.join('  ').trimEnd()}\n`).join('');
}

/** Two columns without headings: names, then what they stand for. */
export function formatPairs(pairs: readonly (readonly [string, string])[]): string {
  const width = pairs.reduce((widest, [name]) => Math.max(widest, displayWidth(name)), 0);
  return (
    pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join('\n') +
    (pairs.length ? '\n' : '')
  );
}

/** Every cell of the column is a number (or nothing), and one is. */
function isNumeric(rows: readonly (readonly string[])[], column: number): boolean {
  let some = false;
  for (const row of rows) {
    const cell = row[column] ?? '';
    if (/^-?\d+(\.\d+)?%?$/.test(cell)) some = true;
    else if (cell !== '-' && cell !== '') return false;
  }
  return some;
}

/** In characters; the box-drawing ones of a tree count one each. */
function displayWidth(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : [...text].length;
}
