import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { must, NODE, ROOT, step } from './run.mjs';

const DIST = `${ROOT}/dist`;
/** Holds the fingerprint of what dist/ was built from. Written last: a build cut short is built again. */
const STAMP = `${DIST}/.built`;

/** Brings dist/ up to date with src/. Says nothing and takes a few milliseconds when it is. */
export async function ensureBuild() {
  const sources = filesBelow(`${ROOT}/src`);
  const fingerprint = fingerprintOf(sources);
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint) return;
  await step('Building', async () => {
    await must('the build', [NODE, 'scripts/bundle.ts']);
    writeFileSync(STAMP, fingerprint);
  });
}

/** Changes whenever a source, or how it is compiled, does. */
function fingerprintOf(sources) {
  const hash = createHash('sha256');
  const settings = ['package-lock.json', 'scripts/bundle.ts'].map((name) => `${ROOT}/${name}`);
  for (const file of [...sources, ...settings]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest('hex');
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`)
    .sort();
}
