import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { markdownTable } from '../../../scripts/docs/markdown.ts';
import { pages, withTable } from '../../../scripts/docs-reference.ts';
import { METHODS } from '../../../src/api/contract/methods.ts';
import { BaseVMMeta } from '../../../src/vm/base-vm-meta.ts';
import '../../../src/vm/classes.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

test('the reference says what the code says (if not: node scripts/docs-reference.ts)', async () => {
  for (const { path, now, wanted } of await pages(ROOT)) expect(now, path).toBe(wanted);
});

test('no method and no class of domains is left out', async () => {
  const text = new Map((await pages(ROOT)).map(({ path, wanted }) => [path, wanted]));
  for (const method of Object.keys(METHODS))
    expect(text.get('docs/reference/methods.md')).toContain(`| \`${method}\` |`);
  for (const name of BaseVMMeta.names())
    expect(text.get('docs/reference/properties.md')).toContain(`## ${name}\n`);
});

test('a table replaces the one before it and nothing else', () => {
  const page = 'before\n<!-- table a -->\nold\n<!-- end a -->\nafter\n';
  const once = withTable(page, 'a', '| new |\n', 'page.md');
  expect(once).toBe('before\n<!-- table a -->\n\n| new |\n\n<!-- end a -->\nafter\n');
  expect(withTable(once, 'a', '| new |\n', 'page.md')).toBe(once);
});

test('a page without a place for its table is named', () => {
  expect(() => withTable('text', 'a', '', 'docs/page.md')).toThrow(
    "docs/page.md has no place for the table 'a'",
  );
});

test('a bar in a cell does not end it', () => {
  expect(markdownTable(['A'], [['x|y']])).toBe('| A |\n| --- |\n| x\\|y |\n');
});
