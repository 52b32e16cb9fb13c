import { describe, expect, it } from 'vitest';
import { runDirectory, stateDirectory, systemPaths } from '../../../src/base/paths.ts';

describe('systemPaths', () => {
  it.each([
    ['root', {}, 0, '/var/lib/bulkhead', '/run/bulkhead'],
    [
      'root, whatever XDG says',
      { XDG_STATE_HOME: '/x', XDG_RUNTIME_DIR: '/y' },
      0,
      '/var/lib/bulkhead',
      '/run/bulkhead',
    ],
    [
      'a user',
      { HOME: '/home/u', XDG_RUNTIME_DIR: '/run/user/7' },
      7,
      '/home/u/.local/state/bulkhead',
      '/run/user/7/bulkhead',
    ],
    ['a user with XDG', { XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/r/' }, 7, '/s/bulkhead', '/r/bulkhead'],
    ['a second system', { BULKHEAD_STATE: '/a/', BULKHEAD_RUN: '/b' }, 0, '/a', '/b'],
  ])('knows the places of %s', (_, env, uid, state, run) => {
    expect(systemPaths(env, uid)).toEqual({ state, run });
  });

  it('refuses to guess, and relative paths', () => {
    expect(() => runDirectory({}, 7)).toThrow('XDG_RUNTIME_DIR is not set; set BULKHEAD_RUN');
    expect(() => stateDirectory({}, 7)).toThrow('HOME is not set; set BULKHEAD_STATE');
    expect(() => runDirectory({ BULKHEAD_RUN: 'run' }, 0)).toThrow(
      "BULKHEAD_RUN is 'run'; it must be an absolute path",
    );
    expect(() => stateDirectory({ BULKHEAD_STATE: './s' }, 0)).toThrow('absolute');
  });
});
