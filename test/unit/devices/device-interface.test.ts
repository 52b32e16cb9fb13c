import { expect, test } from 'vitest';
import { QubesValueError } from '../../../src/base/errors.ts';
import { checkedInterfaces, DeviceInterface } from '../../../src/devices/device-interface.ts';

const matches = (pattern: string, code: string) =>
  DeviceInterface.parse(pattern).matches(DeviceInterface.parse(code));

test.each([
  ['u080650', 'u080650', true],
  ['u08****', 'u080650', true],
  ['*******', 'm******', true],
  ['u0806**', 'u080550', false],
  ['p******', 'u080650', false],
  ['u080650', 'u08****', false],
  ['?******', '?******', true],
  ['u******', '?******', false],
])('%s matches %s: %s', (pattern, code, expected) => expect(matches(pattern, code)).toBe(expected));

test('several are written one after another', () => {
  expect(DeviceInterface.parseAll('u080650p02****').map(String)).toEqual(['u080650', 'p02****']);
  expect(DeviceInterface.parseAll('')).toEqual([]);
});

test.each(['u08065', 'u0806500', 'u08065é', 'U080650', '1080650', 'u08 650', '\n080650', 'u08065\n'])(
  '%j is no interface',
  (code) => expect(() => DeviceInterface.parseAll(code)).toThrow(QubesValueError),
);

test('a list in canonical form is sorted and holds each once', () => {
  expect(checkedInterfaces('u080650b******u080650')).toBe('b******u080650');
  expect(checkedInterfaces('')).toBe('');
  expect(() => checkedInterfaces('x')).toThrow('it must be a multiple of 7');
});
