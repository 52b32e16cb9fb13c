import { readFileSync } from 'node:fs';

/** The version of this checkout, from its package.json. */
export function version(): string {
  const packageFile = new URL('../../package.json', import.meta.url);
  return String(JSON.parse(readFileSync(packageFile, 'utf8')).version);
}
