import { existsSync, readFileSync } from 'node:fs';
import { must, NODE, ROOT, step } from './run.mjs';

/** Installs the npm packages of package-lock.json, unless exactly these are there. */
export async function ensurePackages() {
  if (packagesAreThere()) return;
  await step('Installing npm packages', () =>
    must('npm ci', ['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { input: 'inherit' }),
  );
}

/** npm notes what it installed in node_modules/.package-lock.json. */
function packagesAreThere() {
  const note = `${ROOT}/node_modules/.package-lock.json`;
  if (!existsSync(note) || !existsSync(NODE)) return false;
  const installed = JSON.parse(readFileSync(note, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional, peer }]) =>
      path === '' || installed[path]?.version === version || optional || peer,
  );
}
