/**
 * Writes the tables of the reference that the code itself knows best: properties, methods, tools.
 * `node scripts/docs-reference.ts` brings docs/ up to date; with `--check` it changes nothing, names what is out of
 * date, and ends with 1 if anything is. `npm test` checks it too.
 *
 * A table stands between two comments, `<!-- table NAME -->` and `<!-- end NAME -->`; the rest of its file is
 * written by hand.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { methodsTable } from './docs/methods-table.ts';
import { propertyTables } from './docs/property-tables.ts';
import { toolsTable } from './docs/tools-table.ts';

type Tables = Readonly<Record<string, string>>;

const PAGES: Readonly<Record<string, () => Promise<Tables> | Tables>> = {
  'docs/reference/properties.md': propertyTables,
  'docs/reference/methods.md': () => ({ methods: methodsTable() }),
  'docs/tools.md': async () => ({ tools: await toolsTable() }),
};

/** What each page under `root` holds now, and what it should hold. Throws when a table has no place in its page. */
export async function pages(
  root: string,
): Promise<{ readonly path: string; readonly now: string; readonly wanted: string }[]> {
  return Promise.all(
    Object.entries(PAGES).map(async ([path, make]) => {
      const now = readFileSync(join(root, path), 'utf8');
      const tables = Object.entries(await make());
      const wanted = tables.reduce((page, [name, table]) => withTable(page, name, table, path), now);
      return { path, now, wanted };
    }),
  );
}

/** The page with this table in place of the one of that name. */
export function withTable(page: string, name: string, table: string, path: string): string {
  const begin = `<!-- table ${name} -->\n`;
  const end = `<!-- end ${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0)
    throw new RangeError(
      `${path} has no place for the table '${name}': it needs the lines ${begin}and ${end}`,
    );
  return `${page.slice(0, from + begin.length)}\n${table}\n${page.slice(to)}`;
}

if (import.meta.main) {
  const check = process.argv.includes('--check');
  for (const { path, now, wanted } of await pages('.')) {
    if (now === wanted) continue;
    console.log(check ? `${path} is out of date: run node scripts/docs-reference.ts` : `${path} written`);
    if (check) process.exitCode = 1;
    else writeFileSync(path, wanted);
  }
}
