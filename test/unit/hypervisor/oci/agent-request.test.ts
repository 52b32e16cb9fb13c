import { expect, test } from 'vitest';
import { QubesValueError } from '../../../../src/base/errors.ts';
import { encodeAgentRequest } from '../../../../src/hypervisor/oci/agent-request.ts';

test('a command without anything else', () => {
  expect(encodeAgentRequest({ argv: ['ls', '-l'] })).toEqual(
    Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 2, 0, 0]), Buffer.from('\0\0ls\0-l\0')]),
  );
});

test('user, directory, variables and a terminal', () => {
  const request = encodeAgentRequest({
    argv: ['sh'],
    user: 'root',
    cwd: '/tmp',
    env: { A: 'b=c', EMPTY: '' },
    terminal: { rows: 24, columns: 300, type: 'vt100' },
  });
  expect(request).toEqual(
    Buffer.concat([
      Buffer.from([1, 1, 0, 24, 1, 44, 0, 1, 0, 3]),
      Buffer.from('root\0/tmp\0sh\0TERM=vt100\0A=b=c\0EMPTY=\0'),
    ]),
  );
});

test('text is UTF-8', () => {
  expect(encodeAgentRequest({ argv: ['écho'] }).subarray(12)).toEqual(Buffer.from('écho\0'));
});

test.each([
  ['a NUL in an argument', { argv: ['a\0b'] as const }],
  ['a NUL in a variable', { argv: ['a'] as const, env: { A: '\0' } }],
  ['a variable without a name', { argv: ['a'] as const, env: { '': 'x' } }],
  ['a variable with = in its name', { argv: ['a'] as const, env: { 'A=B': 'x' } }],
  ['a negative size', { argv: ['a'] as const, terminal: { rows: -1, columns: 1, type: 'x' } }],
  [
    'a size that is no whole number',
    { argv: ['a'] as const, terminal: { rows: 1.5, columns: 1, type: 'x' } },
  ],
  ['more than a frame holds', { argv: ['a', 'x'.repeat(65_536)] as const }],
])('refuses %s', (_, request) => {
  expect(() => encodeAgentRequest(request)).toThrow(QubesValueError);
});

test('the longest request that fits', () => {
  const overhead = 10 + 2 + 2;
  expect(encodeAgentRequest({ argv: ['a', 'x'.repeat(65_536 - overhead - 1)] })).toHaveLength(65_536);
});
