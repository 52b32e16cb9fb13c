/**
 * How a layer's directories are named for what they are mounted at: `tree` for `/`, `tree+usr` for `/usr`, each with
 * `work` or `work+usr` beside it. `host+usr` is a symbolic link to the directory of the host that `/usr` shows.
 */

export type Part = 'tree' | 'work' | 'host';

export function partName(part: Part, target: string): string {
  return target === '/' ? part : part + target.replaceAll('/', '+');
}

/** The target a name in a layer stands for; undefined when it is not that part. */
export function targetOf(part: Part, name: string): string | undefined {
  if (name === part) return '/';
  return name.startsWith(`${part}+`) ? name.slice(part.length).replaceAll('+', '/') : undefined;
}
