import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globExpression } from '../../../src/tools/domains.ts';
import type { Row } from '../../../src/tools/ls/columns.ts';
import { compareCells, placeInTree } from '../../../src/tools/ls/order.ts';
import { EscapeFilter } from '../../../src/tools/run/escape-filter.ts';
import { LinePrefix } from '../../../src/tools/run/line-prefix.ts';
import { toolFor } from '../../../src/tools/start.ts';
import { formatPairs, formatTable } from '../../../src/tools/table.ts';

describe('EscapeFilter', () => {
  const filter = (...chunks: Uint8Array[]) => {
    const one = new EscapeFilter();
    return chunks.map((chunk) => one.push(chunk)).join('') + one.end();
  };

  it('lets text through, in any language, with its line ends', () => {
    const text = 'tab\tnew\nline\r\x08 Zażółć 漢字 🙂\n';
    expect(filter(Buffer.from(text))).toBe(text);
  });

  it.each(['\x1b[2J', '\x9b31m', '\x07', '\x00', '\x7f', '\u202e', '\u2066', '\u200b', '\u2028', '\ue000'])(
    'blunts %j',
    (harm) => {
      expect(filter(Buffer.from(`a${harm}b`))).toBe(`a_${harm.slice(1)}b`);
    },
  );

  it('says the same however the bytes are cut, and never lets a control character out', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 60 }), (bytes, cut) => {
        const whole = filter(bytes);
        expect(filter(bytes.subarray(0, cut), bytes.subarray(cut))).toBe(whole);
        expect(whole).not.toMatch(/[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]/);
      }),
    );
  });
});

describe('LinePrefix', () => {
  it('lets out whole lines only', () => {
    const lines = new LinePrefix('a: ');
    expect([lines.push('on'), lines.push('e\ntw'), lines.push('o'), lines.end()]).toEqual([
      '',
      'a: one\n',
      '',
      'a: two\n',
    ]);
    expect(new LinePrefix('a: ').end()).toBe('');
  });

  it('does not hold back an endless line', () => {
    expect(new LinePrefix('a: ').push('x'.repeat(10_000))).toHaveLength(10_004);
  });
});

describe('globExpression', () => {
  it.each([
    ['sys-*', ['sys-net', 'sys-'], ['mysys-net', 'sys']],
    ['a?c', ['abc'], ['ac', 'abbc']],
    ['[ab]x', ['ax', 'bx'], ['cx', '[ab]x']],
    ['[!ab]x', ['cx'], ['ax']],
    ['a.b+c', ['a.b+c'], ['aXb+c']],
    ['[', ['['], ['x']],
  ])('%s', (pattern, matches, others) => {
    const expression = globExpression(pattern);
    for (const name of matches) expect(name).toMatch(expression);
    for (const name of others) expect(name).not.toMatch(expression);
  });

  it('takes any text, and one without wildcards for itself alone', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(globExpression(text.replace(/[*?[]/g, 'x'))).toBeInstanceOf(RegExp);
        expect(globExpression(text.replace(/[*?[]/g, 'x')).test(text.replace(/[*?[]/g, 'x'))).toBe(true);
      }),
    );
  });
});

describe('formatTable', () => {
  it('aligns numbers to the right and counts characters, not bytes', () => {
    expect(
      formatTable(
        ['NAME', 'MIB'],
        [
          ['└─a', '5'],
          ['bcdef', '100'],
          ['x', '-'],
        ],
      ),
    ).toBe('NAME   MIB\n└─a      5\nbcdef  100\nx        -\n');
  });

  it('has headings even without rows', () => {
    expect(formatTable(['A', 'B'], [])).toBe('A  B\n');
    expect(formatPairs([])).toBe('');
  });
});

describe('compareCells', () => {
  it('orders numbers and shares by size, absent ones last', () => {
    expect(['10%', undefined, '9%', '100%'].sort((a, b) => compareCells(a, b))).toEqual([
      '9%',
      '10%',
      '100%',
      undefined,
    ]);
    expect([10, 9, undefined].map((cell) => cell).sort((a, b) => compareCells(a, b))).toEqual([
      9,
      10,
      undefined,
    ]);
    expect(['b', 'B', 'a'].sort((a, b) => compareCells(a, b))).toEqual(['B', 'a', 'b']);
    expect(['b', 'A'].sort((a, b) => compareCells(a, b, true))).toEqual(['A', 'b']);
  });
});

describe('placeInTree', () => {
  const row = (name: string, netvm = ''): Row => ({
    name,
    class: 'AppVM',
    state: 'Halted',
    uuid: '',
    properties: { netvm: { value: netvm, default: false, type: 'vm' } },
  });
  const drawn = (...rows: Row[]) => placeInTree(rows).map(({ row: { name }, branch }) => branch + name);

  it('draws branches that go on past a subtree', () => {
    expect(drawn(row('fw', 'net'), row('net'), row('work', 'fw'), row('vpn', 'net'), row('lone'))).toEqual([
      'lone',
      'net',
      '├─fw',
      '│ └─work',
      '└─vpn',
    ]);
  });

  it('shows every domain once, whatever the netvms are', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('', 'gone', ...names), { minLength: 5, maxLength: 5 }),
        (netvms) => {
          const placed = placeInTree(names.map((name, index) => row(name, netvms[index])));
          expect(placed.map(({ row: { name } }) => name).sort()).toEqual(names);
        },
      ),
    );
  });
});

describe('toolFor', () => {
  it.each([
    ['qvm-ls', ['-t'], 'qvm-ls', ['-t']],
    ['bulkhead', ['ls', '-t'], 'qvm-ls', ['-t']],
    ['bulkhead', ['check'], 'bulkhead', ['check']],
    ['bulkhead', ['test', 'work'], 'qvm-check', ['work']],
    ['bulkhead', ['toString'], 'bulkhead', ['toString']],
    ['bulkhead', [], 'bulkhead', []],
  ])('%s %j', (name, argv, tool, rest) => {
    expect(toolFor(name, argv)).toEqual({ tool, rest });
  });
});
