/**
 * What vitest's JSON report amounts to. Whatever is not a test that passed is a failure: a skipped test, a file that
 * did not load, an error outside any test (seen by vitest's exit code alone). `complaints` says which.
 */
export function countTests({ testResults }, exitCode) {
  const complaints = testResults.flatMap(complaintsOf);
  if (exitCode !== 0 && complaints.length === 0) complaints.push('an error outside any test, see above');
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  if (passed === 0 && complaints.length === 0) complaints.push('there was no test to run');
  return { passed, failed: complaints.length, complaints };
}

/** Of one file. */
function complaintsOf({ name, status, assertionResults, message }) {
  const complaints = assertionResults
    .filter((test) => test.status !== 'passed')
    .map((test) => `${name}: ${test.fullName}${test.status === 'failed' ? '' : ` (${test.status})`}`);
  return status === 'failed' && complaints.length === 0 ? [`${name}: ${message}`] : complaints;
}
