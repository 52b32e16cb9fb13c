import { expect, test } from 'vitest';
import * as errors from '../../../src/base/errors.ts';

test('an error is named as its class, which is what travels on the wire', () => {
  const error = new errors.QubesVMNotHaltedError('shut it down first');
  expect(error.name).toBe('QubesVMNotHaltedError');
  expect(error).toBeInstanceOf(errors.QubesVMError);
  expect(error).toBeInstanceOf(errors.QubesException);
  expect(String(error)).toBe('QubesVMNotHaltedError: shut it down first');
});

test('a cause is kept', () => {
  const cause = new Error('disk full');
  expect(new errors.StoragePoolException('cannot store', { cause }).cause).toBe(cause);
});

test.each([
  [new errors.QubesVMNotFoundError('wörk'), "No such domain: 'w\\xf6rk'"],
  [new errors.QubesVMInvalidUUIDError('x\n'), "Domain UUID is not valid: 'x\\x0a'"],
  [
    new errors.QubesVMAlreadyExistsError('work'),
    'There is already a domain named work; choose another name, or remove it first',
  ],
  [new errors.QubesNoSuchPropertyError('domain work', 'no\0'), "Invalid property 'no\\x00' of domain work"],
  [new errors.QubesFeatureNotFoundError('work', 'gui'), 'Feature not set for domain work: gui'],
  [new errors.QubesTagNotFoundError('work', 'x'), 'Tag not set for domain work: x'],
  [new errors.QubesLabelNotFoundError('pink'), 'Label does not exist: pink'],
])('%s', (error, message) => expect(error.message).toBe(message));

test('every error of the protocol is exported under its own name and is a QubesException', () => {
  const classes = Object.entries(errors).filter(
    ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
  );
  expect(classes.length).toBeGreaterThan(40);
  for (const [name, errorClass] of classes) {
    const error = new (errorClass as new (...text: string[]) => Error)('a', 'b');
    expect(error.name).toBe(name);
    expect(error).toBeInstanceOf(errors.QubesException);
  }
});

test.each([
  ['plain text ~', 'plain text ~'],
  ['a\0b\x7fc\n', 'a\\x00b\\x7fc\\x0a'],
  ['é', '\\xe9'],
  ['€', '\\u{20ac}'],
  ['🏠', '\\u{1f3e0}'],
  ['\ud800', '\\u{d800}'],
  ['\u202egnp.exe', '\\u{202e}gnp.exe'],
])('printable(%j)', (text, shown) => expect(errors.printable(text)).toBe(shown));

test('printable cuts long text and says so', () => {
  expect(errors.printable('x'.repeat(201))).toBe(`${'x'.repeat(200)}...`);
  expect(errors.printable('x'.repeat(200))).toBe('x'.repeat(200));
  expect(errors.printable('abcdef', 3)).toBe('abc...');
});

test('messageOf tells something of anything thrown', () => {
  expect(errors.messageOf(new Error('why'))).toBe('why');
  expect(errors.messageOf('text')).toBe('text');
  expect(errors.messageOf(undefined)).toBe('undefined');
});
