import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
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
    rmSync(STAMP, { force: true });
    await must('the build', [
      `${ROOT}/node_modules/.bin/tsc`,
      '-p',
      'tsconfig.build.json',
      '--pretty',
      'false',
    ]);
    copyAssets(sources);
    removeLeftovers(sources);
    await must('bundling the tools', [NODE, 'scripts/bundle-tools.ts']);
    writeFileSync(STAMP, fingerprint);
  });
}

/** Changes whenever a source, or how it is compiled, does. */
function fingerprintOf(sources) {
  const hash = createHash('sha256');
  const settings = [
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
    'scripts/bundle-tools.ts',
  ].map((name) => `${ROOT}/${name}`);
  for (const file of [...sources, ...settings]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest('hex');
}

/** What is not TypeScript goes along as it is. */
function copyAssets(sources) {
  for (const file of sources) {
    if (file.endsWith('.ts')) continue;
    const target = DIST + file.slice(`${ROOT}/src`.length);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

/** A module whose source is gone must not be importable any more. */
function removeLeftovers(sources) {
  const kept = new Set(sources.map((file) => withoutEnding(file.slice(`${ROOT}/src`.length))));
  for (const file of filesBelow(DIST)) {
    if (file.startsWith(`${DIST}/bundle/`)) continue;
    if (!kept.has(withoutEnding(file.slice(DIST.length)))) rmSync(file);
  }
}

function withoutEnding(file) {
  return file.replace(/\.(d\.ts|js\.map|js|ts)$/, '');
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`)
    .sort();
}
