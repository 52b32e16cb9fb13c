import { expect, test } from 'vitest';
import { ProtocolError } from '../../../src/base/errors.ts';
import { checkedKey, checkedValue, pack, unpack } from '../../../src/devices/wire.ts';

/** What is unpacked, as plain objects. */
function plain(text: string): { properties: object; options: object } {
  const { properties, options } = unpack(text);
  return { properties: Object.fromEntries(properties), options: Object.fromEntries(options) };
}

test('properties are packed in order, quotes escaped', () => {
  expect(
    pack([
      ['port_id', '1-2'],
      ['name', "Ann's = stick"],
      ['_ro', ''],
    ]),
  ).toBe("port_id='1-2' name='Ann\\'s = stick' _ro=''");
  expect(pack([])).toBe('');
});

test('what Qubes 4.4 sends is understood', () => {
  const text =
    "device_id='0951:1666::u080650' port_id='2-1' devclass='usb' backend_domain='sys-usb' mode='auto-attach' " +
    "frontend_domain='work' _read-only='yes'";
  expect(plain(text)).toEqual({
    properties: {
      device_id: '0951:1666::u080650',
      port_id: '2-1',
      devclass: 'usb',
      backend_domain: 'sys-usb',
      mode: 'auto-attach',
      frontend_domain: 'work',
    },
    options: { 'read-only': 'yes' },
  });
});

test.each(['', ' ', '\n'])('nothing (%j) says nothing', (text) =>
  expect(plain(text)).toEqual({ properties: {}, options: {} }),
);

test.each([
  ["a='x'  b='y' ", { a: 'x', b: 'y' }],
  ["a='x=' b='y'", { a: 'x=', b: 'y' }],
  ["a='it\\'s' b=' y '", { a: "it's", b: ' y ' }],
  ["a='back\\slash'", { a: 'back\\slash' }],
  ["a='\\\\' b='", { a: "\\' b=" }],
  ["a='\\' b=\\''", { a: "' b='" }],
  ["a!#$%&()*+,-./:;<>?@[\\]^_{|}~='x'", { 'a!#$%&()*+,-./:;<>?@[\\]^_{|}~': 'x' }],
])('%j', (text, properties) => expect(plain(text)).toEqual({ properties, options: {} }));

test.each([
  ['no value', 'a'],
  ['no quotes', 'a=x'],
  ['double quotes', 'a="x"'],
  ['no end', "a='x"],
  ['something behind', "a='x'y"],
  ['no blank between', "a='x'b='y'"],
  ['a quote inside that is not escaped', "a='x' y'"],
  ['a comma', "a='x', b='y'"],
  ['no key', "='x'"],
  ['an option without a name', "_='x'"],
  ['a key with a quote', "a'b='x'"],
  ['a value that ends with a backslash', "a='x\\' b='y'"],
  ['a newline in a value', "a='x\ny'"],
  ['not ASCII', "a='é'"],
  ['NUL', "a='x\0'"],
  ['the same property twice', "a='x' a='x'"],
  ['the same option twice', "_a='x' _a='y'"],
  ['an over-long key', `${'k'.repeat(256)}='x'`],
  ['an over-long text', `a='${'x'.repeat(65_536)}'`],
])('%s is refused', (_why, text) => expect(() => unpack(text)).toThrow(ProtocolError));

test('an error says where', () => {
  expect(() => unpack("a='x' b=y")).toThrow(
    "Invalid device properties at character 6: 'b=y': it must be key='value'",
  );
});

test.each(['x\\', 'é', '\n', '\x7f'])('a value that cannot travel is not packed: %j', (value) => {
  expect(() => checkedValue(value)).toThrow(ProtocolError);
  expect(() => pack([['a', value]])).toThrow(ProtocolError);
});

test.each(['', 'a b', 'a=b', "a'", 'a"', 'é', '`'])('a key that cannot travel is not packed: %j', (key) => {
  expect(() => checkedKey(key)).toThrow(ProtocolError);
});

test('unpacking hostile text takes no longer than it is long', () => {
  const hostile = `a='${"\\'".repeat(30_000)}`;
  const before = performance.now();
  expect(() => unpack(hostile)).toThrow(ProtocolError);
  expect(performance.now() - before).toBeLessThan(1000);
});
