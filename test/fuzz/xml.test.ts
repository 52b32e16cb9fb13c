import fc from 'fast-check';
import { expect, test } from 'vitest';
import { XmlNode } from '../../src/xml/node.ts';
import { parseXml, XmlSyntaxError } from '../../src/xml/parser.ts';
import { writeXml } from '../../src/xml/writer.ts';

const legalCharacter = fc.oneof(
  fc.constantFrom(
    '&',
    '<',
    '>',
    '"',
    "'",
    '\n',
    '\r',
    '\t',
    ']',
    ' ',
    '\r\n',
    ']]>',
    '&amp;',
    '\u0085',
    '\u2028',
  ),
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 1 })
    .filter((char) => /^[\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]$/u.test(char)),
);
const legalText = fc.string({ unit: legalCharacter, maxLength: 12 });
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.:-]{0,8}$/).filter((made) => !/^xml/i.test(made));

const tree = fc.letrec<{ node: XmlNode }>((tie) => ({
  node: fc
    .tuple(
      name,
      fc.uniqueArray(fc.tuple(name, legalText), { selector: ([key]) => key, maxLength: 4 }),
      fc.array(fc.oneof({ depthSize: 'small' }, legalText, tie('node')), { maxLength: 4 }),
    )
    .map(([made, attributes, children]) => new XmlNode(made, attributes, mergeText(children))),
})).node;

/** A document cannot tell two neighbouring texts from one, nor an empty one from none. */
function mergeText(children: readonly (XmlNode | string)[]): (XmlNode | string)[] {
  const merged: (XmlNode | string)[] = [];
  for (const child of children) {
    if (child === '') continue;
    const last = merged.at(-1);
    if (typeof child === 'string' && typeof last === 'string') merged[merged.length - 1] = last + child;
    else merged.push(child);
  }
  return merged;
}

test('what is written is read back the same, and written the same again', () => {
  fc.assert(
    fc.property(tree, (node) => {
      const text = writeXml(node);
      const back = parseXml(text);
      expect(back).toEqual(node);
      expect(writeXml(back)).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test('any text is a tree that round-trips, or an XmlSyntaxError', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      '<a',
      '<a>',
      '</a>',
      ' b="',
      '"',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?',
      '?>',
      '<!DOCTYPE',
      '&',
      ';',
      '&#',
      '\0',
      '=',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      for (const text of [pieces.join(''), `<a>${pieces.join('')}</a>`]) {
        const node = attempt(text);
        if (node !== undefined) expect(parseXml(writeXml(node))).toEqual(node);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a document with bytes changed is never read as something that cannot be written', () => {
  fc.assert(
    fc.property(
      tree,
      fc.array(fc.tuple(fc.nat(), fc.string({ unit: 'binary', maxLength: 1 })), { maxLength: 3 }),
      (node, edits) => {
        let text = writeXml(node);
        for (const [at, replacement] of edits) {
          const position = at % (text.length + 1);
          text = text.slice(0, position) + replacement + text.slice(position + 1);
        }
        const read = attempt(text);
        if (read !== undefined) expect(parseXml(writeXml(read))).toEqual(read);
      },
    ),
    { numRuns: 500 },
  );
});

function attempt(text: string): XmlNode | undefined {
  try {
    return parseXml(text);
  } catch (error) {
    expect(error).toBeInstanceOf(XmlSyntaxError);
    return undefined;
  }
}
