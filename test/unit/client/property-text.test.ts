import { describe, expect, it } from 'vitest';
import { parseAllProperties, parsePropertyValue } from '../../../src/client/property-text.ts';

describe('parsePropertyValue', () => {
  it.each([
    ['default=True type=vm sys-firewall', { isDefault: true, type: 'vm', value: 'sys-firewall' }],
    ['default=True type=int ', { isDefault: true, type: 'int', value: '' }],
    ['default=False type=str a b\nc', { isDefault: false, type: 'str', value: 'a b\nc' }],
  ])('reads %j', (text, expected) => {
    expect(parsePropertyValue(text)).toEqual(expected);
  });

  it.each(['', 'default=Maybe type=str x', 'default=True type=float 1', 'default=True type=str'])(
    'refuses %j',
    (text) => {
      expect(() => parsePropertyValue(text)).toThrow('not a property value');
    },
  );
});

describe('parseAllProperties', () => {
  it('undoes the escapes, each once', () => {
    const all = parseAllProperties(
      'a default=False type=str one\\ntwo\\\\n\nb default=True type=bool True\n',
    );
    expect(all.get('a')?.value).toBe('one\ntwo\\n');
    expect(all.get('b')).toEqual({ isDefault: true, type: 'bool', value: 'True' });
  });

  it('refuses a line that is no property', () => {
    expect(() => parseAllProperties('nonsense\n')).toThrow("not a property: 'nonsense'");
  });
});
