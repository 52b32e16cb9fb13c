import { expect, test } from 'vitest';
import { QubesValueError, QubesVMInvalidUUIDError } from '../../../src/base/errors.ts';
import { checkedName } from '../../../src/vm/name.ts';
import { checkedUUID } from '../../../src/vm/properties/identity.ts';

test.each(['work', 'W', 'sys-net', 'a.b_c-D9', 'x'.repeat(31), 'None', 'dom0', 'dm', 'Default'])(
  '%s is a name',
  (name) => expect(checkedName(name)).toBe(name),
);

test.each([
  ['', 'it is empty'],
  ['x'.repeat(32), 'it is longer than 31 characters'],
  ['9lives', 'it must begin with a letter'],
  ['-x', 'it must begin with a letter'],
  ['.x', 'it must begin with a letter'],
  ['a b', "only letters, digits, '_', '.' and '-' are allowed"],
  ['a/b', "only letters, digits, '_', '.' and '-' are allowed"],
  ['work\n', "only letters, digits, '_', '.' and '-' are allowed"],
  ['w\0', "only letters, digits, '_', '.' and '-' are allowed"],
  ['wörk', "only letters, digits, '_', '.' and '-' are allowed"],
  ['none', 'that word has a meaning of its own'],
  ['default', 'that word has a meaning of its own'],
  ['Domain-0', 'that word has a meaning of its own'],
  ['work-dm', "names that end with '-dm' belong to device models"],
])('%j is no name: %s', (name, why) => {
  expect(() => checkedName(name)).toThrow(QubesValueError);
  expect(() => checkedName(name)).toThrow(why);
});

test('a UUID is in lower case with hyphens', () => {
  expect(checkedUUID('0A1B2C3D-0000-4000-8000-00000000000F')).toBe('0a1b2c3d-0000-4000-8000-00000000000f');
  for (const untrusted of [
    '',
    '0a1b2c3d',
    'x'.repeat(36),
    '0a1b2c3d-0000-4000-8000-00000000000f\n',
    '{0a1b2c3d-0000-4000-8000-00000000000f}',
  ])
    expect(() => checkedUUID(untrusted)).toThrow(QubesVMInvalidUUIDError);
});
