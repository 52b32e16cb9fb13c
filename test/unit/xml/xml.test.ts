import { describe, expect, test } from 'vitest';
import { QubesValueError } from '../../../src/base/errors.ts';
import { element, XmlNode } from '../../../src/xml/node.ts';
import { parseXml, parseXmlInSteps, XmlSyntaxError } from '../../../src/xml/parser.ts';
import { writeXml } from '../../../src/xml/writer.ts';

describe('parseXml', () => {
  test('reads elements, attributes, text, entities, CDATA and comments', () => {
    const root = parseXml(
      `\ufeff<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n<!-- head -->\n` +
        `<a one="1&#10;2" two='"&lt;'><b/>x<!-- y -->&amp;<![CDATA[<&>]]>&#x41;</a>\n`,
    );
    expect(root).toEqual(element('a', { one: '1\n2', two: '"<' }, element('b'), 'x&<&>A'));
  });

  test.each([
    ['nothing', ''],
    ['white space', ' \n '],
    ['text only', 'hello'],
    ['two roots', '<a/><b/>'],
    ['unclosed element', '<a><b></a>'],
    ['truncated', '<a><b attr="x'],
    ['unquoted attribute', '<a b=c/>'],
    ['duplicate attribute', '<a b="1" b="2"/>'],
    ['less-than in an attribute', '<a b="<"/>'],
    ['NUL', '<a>\0</a>'],
    ['a control character by reference', '<a>&#1;</a>'],
    ['half a surrogate pair', '<a>\ud800</a>'],
    ['half a surrogate pair before a quote', '<a>\ud800"</a>'],
    ['unknown entity', '<a>&nbsp;</a>'],
    ['an entity named like an inherited member', '<a>&constructor;</a>'],
    ['document type', '<!DOCTYPE a><a/>'],
    ['entity declaration', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
    ['external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/shadow">]><a>&x;</a>'],
    ['processing instruction', '<?php echo 1 ?><a/>'],
    ['processing instruction inside', '<a><?x y?></a>'],
    ['XML 1.1', '<?xml version="1.1"?><a/>'],
    ['another encoding', '<?xml version="1.0" encoding="utf-16"?><a/>'],
    ['a name outside ASCII', '<\u00e9/>'],
    ['an over-long name', `<${'a'.repeat(129)}/>`],
    ['an over-long attribute name', `<a ${'b'.repeat(129)}="1"/>`],
    ['over-deep nesting', '<a>'.repeat(65) + '</a>'.repeat(65)],
  ])('refuses %s', (_what, text) => {
    expect(() => parseXml(text)).toThrow(XmlSyntaxError);
  });

  test('names line and column', () => {
    const error = thrownBy(() => parseXml('<a>\n  <b>\n</a>'));
    expect(error).toBeInstanceOf(QubesValueError);
    expect(error).toMatchObject({ name: 'QubesValueError', line: 3, column: 4 });
    expect((error as Error).message).toMatch(/^XML refused at line 3, column 4: \D/);
  });

  test('a message holds nothing unprintable of the text', () => {
    const error = thrownBy(() =>
      parseXml(`<a>\u202e${'\u00e9'.repeat(500)}</${'\u00e9'.repeat(500)}>`),
    ) as Error;
    expect(error.message).toMatch(/^[\x20-\x7e]{1,1500}$/);
  });

  test('reads a long text in many short steps, wherever they fall', () => {
    const text = `<a b="\u{1f600}">&amp;<!-- x --><![CDATA[<]]>\u{1f600}</a>`.repeat(20_000);
    const steps = parseXmlInSteps(`<all>${text}</all>`);
    let count = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) count += 1;
    expect(count).toBeGreaterThan(5);
    expect(step.value.elements()).toHaveLength(20_000);
    expect(new Set(step.value.elements().map((node) => writeXml(node)))).toEqual(
      new Set(['<a b="\u{1f600}">&amp;&lt;\u{1f600}</a>']),
    );
  });

  test.each([
    ['a tag', `<a ${Array.from({ length: 300_000 }, (_, at) => `a${at}="1"`).join(' ')}/>`],
    ['a text', `<a>${'x'.repeat(3_000_000)}</a>`],
    ['a comment', `<!--${'x'.repeat(3_000_000)}--><a/>`],
  ])('refuses %s without end', (_what, text) => {
    expect(() => parseXml(text)).toThrow('a tag, text or comment of more than 2097152 characters');
  });

  test('refuses text longer than its limit, and reads text as long', () => {
    expect(() => parseXml('<abc/>', { maximumLength: 5 })).toThrow('6 characters, at most 5 are read');
    expect(parseXml('<abc/>', { maximumLength: 6 }).name).toBe('abc');
  });

  test('reads 64 levels', () => {
    expect(parseXml('<a>'.repeat(64) + '</a>'.repeat(64)).name).toBe('a');
  });
});

describe('writeXml', () => {
  test('escapes what a reader would change', () => {
    const node = element('a', { b: '\t\n\r"\'<>& ' }, ']]>&\r\n\t', element('c', {}, ' '));
    expect(writeXml(node)).toBe(
      '<a b="&#9;&#10;&#13;&quot;\'&lt;&gt;&amp; ">]]&gt;&amp;&#13;\n\t<c> </c></a>',
    );
    expect(parseXml(writeXml(node))).toEqual(node);
  });

  test('indents elements and leaves text alone', () => {
    const node = element('a', {}, element('b', {}, element('c', {}, 'x\ny')), element('d'));
    expect(writeXml(node, { indent: '  ' })).toBe('<a>\n  <b>\n    <c>x\ny</c>\n  </b>\n  <d/>\n</a>');
  });

  test.each(['\0', '\x1b', '\ufffe', '\uffff', '\ud800', 'x\udc00y'])(
    'refuses %j and names the value',
    (value) => {
      expect(() => writeXml(element('a', {}, `pre${value}`))).toThrow(/the text of <a>: 'pre/);
      expect(() => writeXml(element('a', { b: `pre${value}` }))).toThrow(/attribute b of <a>: 'pre/);
      expect(() => writeXml(element('a', { b: value }))).toThrow(QubesValueError);
    },
  );

  test.each(['', '1a', 'a b', 'a>', '\u00e9', 'a'.repeat(129)])('refuses the name %j', (name) => {
    expect(() => writeXml(new XmlNode(name))).toThrow('XML element name refused');
    expect(() => writeXml(element('a', { [name]: '' }))).toThrow('XML attribute name refused');
  });

  test('refuses what parseXml would find too deep, and a node inside itself', () => {
    let deep = element('a');
    for (let level = 1; level < 64; level++) deep = element('a', {}, deep);
    expect(parseXml(writeXml(deep))).toEqual(deep);
    expect(() => writeXml(element('a', {}, deep))).toThrow('more than 64 elements deep at <a>');
    const loop = element('loop');
    loop.children.push(loop);
    expect(() => writeXml(loop)).toThrow(QubesValueError);
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
