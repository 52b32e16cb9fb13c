/**
 * `npm test`: everything, unattended, from a bare machine. The last line is `N passed, N failed`, over the checks and
 * every test. `npm test -- WORD...` runs the suites whose paths hold a WORD, after the same checks.
 *
 * A skipped test counts as failed: what is not tested here is not tested.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuild } from './lib/build.mjs';
import { countTests } from './lib/count.mjs';
import { ensureHost } from './lib/host.mjs';
import { ensurePackages } from './lib/packages.mjs';
import { Failure, main, NODE, ROOT, run } from './lib/run.mjs';

const BIN = `${ROOT}/node_modules/.bin`;
const SUITES_SECONDS = 20 * 60;

const totals = { passed: 0, failed: 0 };

await main(async () => {
  try {
    // Without these nothing else can be tried.
    await check('npm packages', ensurePackages, { needed: true });
    await check('host packages', () => ensureHost({ yes: true, extra: ['--with', 'test'] }), {
      needed: true,
    });
    await check('build', ensureBuild);

    await check('types', () => succeed([`${BIN}/tsc`, '--noEmit']));
    await check('lint and format', () => succeed([`${BIN}/biome`, 'check', '--max-diagnostics=50', '.']));
    await check('import rule', () => succeed([NODE, 'scripts/check-imports.ts']));
    await runSuites(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof AlreadyCounted)) throw error;
  } finally {
    if (totals.failed > 0 || totals.passed === 0) process.exitCode = 1;
    console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
  }
});

/** A check that failed and without which it makes no sense to go on. */
class AlreadyCounted extends Error {}

/** Runs one check and counts it. */
async function check(name, work, { needed = false } = {}) {
  console.log(`\n=== ${name}`);
  try {
    await work();
    totals.passed += 1;
    console.log(`passed: ${name}`);
  } catch (error) {
    totals.failed += 1;
    console.log(error instanceof Failure ? error.message : error.stack);
    console.log(`FAILED: ${name}`);
    if (needed) throw new AlreadyCounted();
  }
}

async function succeed(argv) {
  const { code } = await run(argv, { env: withOurNode() });
  if (code !== 0) throw new Failure(`${argv.join(' ')} ended with ${code}`);
}

/** `#!/usr/bin/env node` must find Node 24, whatever the machine has. */
function withOurNode() {
  return { ...process.env, PATH: `${BIN}:${process.env.PATH}` };
}

/** All test suites; every test counts. */
async function runSuites(words) {
  console.log('\n=== suites');
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-test-'));
  const report = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  try {
    const vitest = [NODE, 'node_modules/vitest/vitest.mjs', 'run', ...reporters, ...words];
    const { code } = await run(vitest, { env: withOurNode(), seconds: SUITES_SECONDS });
    const { passed, failed, complaints } = countTests(JSON.parse(readFileSync(report, 'utf8')), code);
    totals.passed += passed;
    totals.failed += failed;
    for (const complaint of complaints) console.log(`FAILED: ${complaint}`);
  } catch (error) {
    totals.failed += 1;
    console.log(`FAILED: the suites did not come to an end: ${error.message}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
