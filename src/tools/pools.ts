import { UsageError } from './context.ts';

/** `-P POOL` and `-p VOLUME=POOL` as the client takes them. Throws UsageError when both are given, or malformed. */
export function poolsIn(options: { readonly P?: string; readonly pool?: readonly string[] }): {
  pool?: string;
  pools?: Record<string, string>;
} {
  if (options.P !== undefined && options.pool)
    throw new UsageError('-P and --pool at once; give one of them');
  if (options.P !== undefined) return { pool: options.P };
  if (!options.pool) return {};
  return { pools: Object.fromEntries(options.pool.map(volumeAndPool)) };
}

function volumeAndPool(text: string): [string, string] {
  const [volume, pool, ...rest] = text.split('=');
  if (!volume || !pool || rest.length > 0)
    throw new UsageError(`--pool '${text}' is not of the form VOLUME=POOL`);
  return [volume, pool];
}
