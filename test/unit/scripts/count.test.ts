import { describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript, so that it runs before anything is installed
import { countTests } from '../../../scripts/lib/count.mjs';

/** A file of vitest's report, with tests of these statuses. */
function file(name: string, ...statuses: string[]) {
  const failed = statuses.includes('failed') || statuses.length === 0;
  return {
    name,
    status: failed ? 'failed' : 'passed',
    message: 'Cannot find module',
    assertionResults: statuses.map((status, at) => ({ status, fullName: `test ${at}` })),
  };
}

describe('counting tests', () => {
  it('adds up what passed', () => {
    const report = { testResults: [file('a', 'passed', 'passed'), file('b', 'passed')] };
    expect(countTests(report, 0)).toEqual({ passed: 3, failed: 0, complaints: [] });
  });

  it('takes what did not pass for failed, skipped or not', () => {
    const report = { testResults: [file('a', 'passed', 'failed', 'skipped', 'todo', 'pending')] };
    expect(countTests(report, 1)).toEqual({
      passed: 1,
      failed: 4,
      complaints: ['a: test 1', 'a: test 2 (skipped)', 'a: test 3 (todo)', 'a: test 4 (pending)'],
    });
  });

  it('fails for a file that does not load', () => {
    const report = { testResults: [file('a', 'passed'), file('b')] };
    expect(countTests(report, 1)).toEqual({ passed: 1, failed: 1, complaints: ['b: Cannot find module'] });
  });

  it('fails for an error outside any test', () => {
    expect(countTests({ testResults: [file('a', 'passed')] }, 1)).toMatchObject({ passed: 1, failed: 1 });
  });

  it('fails when there is nothing to run', () => {
    expect(countTests({ testResults: [] }, 0)).toMatchObject({ passed: 0, failed: 1 });
  });
});
