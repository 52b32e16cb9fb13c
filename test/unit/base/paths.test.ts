import { expect, test } from 'vitest';
import { runDirectory, stateDirectory, systemPaths } from '../../../src/base/paths.ts';

const home = { HOME: '/home/ann', XDG_RUNTIME_DIR: '/run/user/1000' };

test('root has the places of the system', () => {
  expect(systemPaths(home, 0)).toEqual({ state: '/var/lib/bulkhead', run: '/run/bulkhead' });
});

test('everybody else has their own', () => {
  expect(systemPaths(home, 1000)).toEqual({
    state: '/home/ann/.local/state/bulkhead',
    run: '/run/user/1000/bulkhead',
  });
  expect(stateDirectory({ ...home, XDG_STATE_HOME: '/data/' }, 1000)).toBe('/data/bulkhead');
});

test('the variables win for all, without trailing slashes', () => {
  const env = { ...home, BULKHEAD_STATE: '/tmp/one//', BULKHEAD_RUN: '/tmp/two' };
  for (const uid of [0, 1000]) expect(systemPaths(env, uid)).toEqual({ state: '/tmp/one', run: '/tmp/two' });
});

test.each([
  [{ BULKHEAD_STATE: 'relative' }, "BULKHEAD_STATE is 'relative'; it must be an absolute path"],
  [{ XDG_STATE_HOME: 'relative' }, "XDG_STATE_HOME is 'relative'; it must be an absolute path"],
  [{}, 'HOME is not set; set BULKHEAD_STATE to a directory that is yours alone'],
])('a state directory is never guessed: %j', (env, message) =>
  expect(() => stateDirectory(env, 1000)).toThrow(message),
);

test.each([
  [{ BULKHEAD_RUN: './run' }, "BULKHEAD_RUN is './run'; it must be an absolute path"],
  [{ HOME: '/home/ann' }, 'XDG_RUNTIME_DIR is not set; set BULKHEAD_RUN to a directory that is yours alone'],
])('a run directory is never guessed: %j', (env, message) =>
  expect(() => runDirectory(env, 1000)).toThrow(message),
);
