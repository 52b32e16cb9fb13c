/**
 * Turns what a terminal shows into a picture: `node scripts/terminal-picture.ts [TITLE] < TEXT > FILE.svg`. Colours
 * and bold text (ANSI escape sequences, SGR) are kept; every other control sequence is dropped.
 */
import { text as readAll } from 'node:stream/consumers';

/** Text of one look. */
interface Run {
  readonly text: string;
  readonly look: Look;
}

interface Look {
  /** Number of the colour, 0 to 15; undefined: the terminal's own. */
  readonly colour: number | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
}

const PLAIN: Look = { colour: undefined, bold: false, dim: false };

const BACKGROUND = '#1b1f27';
const FRAME = '#12151b';
const TEXT = '#d7dce5';
const TITLE = '#8b93a3';
const PALETTE = [
  '#4b5263 #e06c75 #8fc379 #e0b668 #6cb0f2 #c48ae0 #58b8c4 #c8ccd4',
  '#6b7383 #f0848c #a5d68f #f0cb85 #8ac4ff #d8a4f0 #74d0dc #ffffff',
]
  .join(' ')
  .split(' ');

const FONT_SIZE = 14;
const COLUMN = 8.43;
const ROW = 19;
const MARGIN = 18;
const BAR = 34;
const NARROWEST = 60;

/** A line that ends a command the user typed begins so; it stands out. */
const PROMPT = '$ ';

/** The picture, as an SVG document, of `text` as a terminal would show it. */
export function terminalPicture(text: string, title = ''): string {
  const rows = rowsOf(text);
  const columns = Math.max(NARROWEST, ...rows.map(widthOf));
  const width = Math.ceil(columns * COLUMN + 2 * MARGIN);
  const height = BAR + rows.length * ROW + 2 * MARGIN;
  const lines = rows.map((row, index) => rowText(row, BAR + MARGIN + FONT_SIZE + index * ROW));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title || 'A terminal')}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<path d="M0 ${BAR}V8a8 8 0 0 1 8-8h${width - 16}a8 8 0 0 1 8 8v${BAR - 8}z" fill="${FRAME}"/>`,
    ...[1, 3, 2].map((colour, i) => `<circle cx="${20 + i * 20}" cy="17" r="6" fill="${PALETTE[colour]}"/>`),
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace" font-size="${FONT_SIZE}">`,
    `<text x="${width / 2}" y="22" fill="${TITLE}" text-anchor="middle">${escaped(title)}</text>`,
    ...lines.filter((line) => line !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Lines of runs; empty lines at the beginning and the end are left out. */
function rowsOf(text: string): Run[][] {
  const rows: Run[][] = [];
  let look = PLAIN;
  for (const line of withoutOtherControls(text).split('\n')) {
    const parsed = runsOf(line, look);
    look = parsed.look;
    rows.push(parsed.runs);
  }
  while (rows.length > 0 && widthOf(rows[0] as Run[]) === 0) rows.shift();
  while (rows.length > 0 && widthOf(rows.at(-1) as Run[]) === 0) rows.pop();
  return rows;
}

/** What is left are printable characters, line feeds and SGR sequences. A carriage return begins its line anew. */
function withoutOtherControls(text: string): string {
  return text
    .replace(/\x1b\][^\x07\x1b]*(\x07|\x1b\\)/g, '')
    .replace(/\x1b\[[0-9;?]*[A-Za-ln-z@`]/g, '')
    .replace(/\x1b[^[]/g, '')
    .replaceAll('\r\n', '\n')
    .replace(/[^\n]*\r/g, '')
    .replaceAll('\t', '        ')
    .replace(/[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f]/g, '');
}

function runsOf(line: string, before: Look): { runs: Run[]; look: Look } {
  const runs: Run[] = [];
  let look = before;
  for (const [index, part] of line.split(/\x1b\[([0-9;]*)m/).entries()) {
    if (index % 2 === 1) look = changed(look, part);
    else if (part !== '') runs.push({ text: part.replaceAll('\x1b', ''), look });
  }
  return { runs, look };
}

/** The look after an SGR sequence: 0 plain, 1 bold, 2 dim, 22 neither, 30-37 and 90-97 a colour, 39 none. */
function changed(look: Look, codes: string): Look {
  let next = look;
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) next = PLAIN;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code >= 30 && code <= 37) next = { ...next, colour: code - 30 };
    else if (code >= 90 && code <= 97) next = { ...next, colour: code - 82 };
    else if (code === 39) next = { ...next, colour: undefined };
  }
  return next;
}

function widthOf(row: readonly Run[]): number {
  return row.reduce((width, { text }) => width + lengthOf(text), 0);
}

/** In characters, each a column wide. */
function lengthOf(text: string): number {
  return [...text].length;
}

/** Words apart by one blank. Wider gaps are not drawn: viewers do not agree on what becomes of blanks. */
const CHUNK = /\S+(?: \S+)*/gu;

/** Every chunk at its own column, so that columns line up whatever font the viewer has. */
function rowText(row: readonly Run[], y: number): string {
  const isCommand = row[0]?.text.startsWith(PROMPT) ?? false;
  let before = 0;
  const chunks = row.flatMap(({ text, look }) => {
    const begin = before;
    before += lengthOf(text);
    return [...text.matchAll(CHUNK)].map((chunk) => {
      const column = begin + lengthOf(text.slice(0, chunk.index));
      return chunkText(chunk[0], column, y, styleOf(look, isCommand));
    });
  });
  return chunks.join('');
}

function chunkText(text: string, column: number, y: number, style: string): string {
  const x = (MARGIN + column * COLUMN).toFixed(2);
  const width = (lengthOf(text) * COLUMN).toFixed(2);
  return `<text x="${x}" y="${y}" textLength="${width}" lengthAdjust="spacingAndGlyphs" ${style}>${escaped(text)}</text>`;
}

function styleOf({ colour, bold, dim }: Look, isCommand: boolean): string {
  const fill = colour === undefined ? TEXT : (PALETTE[colour] ?? TEXT);
  const weight = bold || isCommand ? ' font-weight="bold"' : '';
  return `fill="${fill}"${weight}${dim ? ' opacity="0.6"' : ''}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

if (import.meta.main) process.stdout.write(terminalPicture(await readAll(process.stdin), process.argv[2]));
