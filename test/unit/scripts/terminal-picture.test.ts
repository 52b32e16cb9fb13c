import fc from 'fast-check';
import { expect, test } from 'vitest';
import { terminalPicture } from '../../../scripts/terminal-picture.ts';
import type { XmlNode } from '../../../src/xml/node.ts';
import { parseXml } from '../../../src/xml/parser.ts';

/** What the picture shows, without its title: each run of text with its colour. */
function shown(
  text: string,
): { text: string; fill: string | undefined; bold: boolean; y: string | undefined }[] {
  const svg = parseXml(terminalPicture(text, 'title'));
  const [, ...runs] = (svg.element('g') as XmlNode).elements('text');
  return runs.map((run) => ({
    text: run.text,
    fill: run.attribute('fill'),
    bold: run.attribute('font-weight') === 'bold',
    y: run.attribute('y'),
  }));
}

test('plain lines are shown as they are, each below the one before', () => {
  const lines = shown('NAME  STATE\nwork  Running\n');
  expect(lines.map(({ text }) => text)).toEqual(['NAME', 'STATE', 'work', 'Running']);
  expect(lines[1]?.y).toBe(lines[0]?.y);
  expect(Number(lines[2]?.y)).toBeGreaterThan(Number(lines[0]?.y));
});

test('empty lines keep their place inside, and are left out at both ends', () => {
  const [first, second] = shown('\n\none\n\ntwo\n\n');
  const [near, next] = shown('one\ntwo');
  expect(Number(second?.y) - Number(first?.y)).toBe(2 * (Number(next?.y) - Number(near?.y)));
});

test('colours and bold are kept, and end where they end', () => {
  const [red, plain, bold] = shown('\x1b[31mred\x1b[0m plain \x1b[1mbold\x1b[22m');
  expect(red?.fill).not.toBe(plain?.fill);
  expect([red?.bold, plain?.bold, bold?.bold]).toEqual([false, false, true]);
  expect(bold?.fill).toBe(plain?.fill);
});

test('a colour lasts over the end of a line', () => {
  const [first, second] = shown('\x1b[32mone\ntwo');
  expect(second?.fill).toBe(first?.fill);
});

test('a command typed at the prompt stands out', () => {
  const [command, output] = shown('$ qvm-ls\nwork');
  expect([command?.bold, output?.bold]).toEqual([true, false]);
});

test('columns line up, over gaps and changes of colour', () => {
  const svg = parseXml(terminalPicture('ab\x1b[31m  cd\x1b[0m\nab  cd'));
  const runs = (svg.element('g') as XmlNode).elements('text').slice(1);
  const places = runs.map((run) => run.attribute('x'));
  expect(runs.map(({ text }) => text)).toEqual(['ab', 'cd', 'ab', 'cd']);
  expect(places.slice(0, 2)).toEqual(places.slice(2));
  const width = Number(runs[0]?.attribute('textLength'));
  expect(Number(places[1]) - Number(places[0])).toBeCloseTo(2 * width, 1);
});

test('what moves the cursor or names the window is dropped; a carriage return begins the line anew', () => {
  expect(shown('\x1b]0;title\x07\x1b[2K\x1b[3A10 %\r100 %\r\nend').map(({ text }) => text)).toEqual([
    '100 %',
    'end',
  ]);
});

test('whatever is printed, the picture is well-formed XML that shows every printable character', () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('\x1b[', '\x1b[31m', '\x1b]', '\x07', '\r', '\n', '&<>"', '\x1b'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      parseXml(terminalPicture(pieces.join('')));
    }),
  );
});
