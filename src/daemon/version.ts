import { readFileSync } from 'node:fs';

/** The version of this program, from its package. */
export function version(): string {
  const untrustedPackage: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return (untrustedPackage as { readonly version: string }).version;
}
