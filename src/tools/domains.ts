import { QubesVMNotFoundError } from '../base/errors.ts';
import type { ListedDomain } from '../client/admin-client.ts';
import { type Context, UsageError } from './context.ts';

/** Which domains the user meant: names and patterns, or `--all` less `--exclude`. */
export interface Selection {
  readonly all?: boolean;
  readonly exclude?: readonly string[];
}

/**
 * The domains' names, each once. Names are taken as they are (the daemon refuses unknown ones); patterns with
 * `*`, `?` or `[...]` and `--all` are looked up. `--all` means those that `ofAll` says, without dom0. Throws UsageError on none or on both, and
 * QubesVMNotFoundError for a pattern nothing matches.
 */
export async function selectDomains(
  context: Context,
  names: readonly string[],
  { all = false, exclude = [] }: Selection,
  ofAll: (domain: ListedDomain) => boolean = () => true,
): Promise<string[]> {
  if (all && names.length > 0)
    throw new UsageError(`--all and a name ('${names[0]}') at once; give one of them`);
  if (!all && exclude.length > 0) throw new UsageError('--exclude is only for use with --all');
  if (!all && names.length === 0) throw new UsageError("missing required argument 'VMNAME'");
  if (all) {
    const domains = await context.client.list();
    return domains
      .filter((domain) => !isAdmin(domain) && ofAll(domain) && !exclude.includes(domain.name))
      .map(({ name }) => name);
  }
  if (!names.some(isPattern)) return [...new Set(names)];
  const known = (await context.client.list()).map(({ name }) => name);
  return [...new Set(names.flatMap((name) => (isPattern(name) ? matching(name, known) : [name])))];
}

/** Broken domains and those of other hosts have no state here, and are no part of "all" for who starts and stops. */
export function canBeStarted({ state }: ListedDomain): boolean {
  return state !== 'NA';
}

function isAdmin(domain: ListedDomain): boolean {
  return domain.class === 'AdminVM';
}

function isPattern(name: string): boolean {
  return /[*?[]/.test(name);
}

function matching(pattern: string, known: readonly string[]): string[] {
  const expression = globExpression(pattern);
  const found = known.filter((name) => expression.test(name));
  if (found.length === 0) throw new QubesVMNotFoundError(pattern);
  return found;
}

/** `*`, `?`, `[abc]` and `[!abc]` as in a shell; everything else stands for itself. */
export function globExpression(pattern: string): RegExp {
  const parts = pattern.match(/\*|\?|\[!?[^\]]+\]|./gsu) ?? [];
  const translate = (part: string) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    const set = /^\[(!?)([^\]]+)\]$/.exec(part);
    if (set) return `[${set[1] ? '^' : ''}${(set[2] as string).replace(/[\\\]^]/g, '\\$&')}]`;
    return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  };
  try {
    return new RegExp(`^${parts.map(translate).join('')}$`);
  } catch {
    throw new UsageError(`'${pattern}' is not a pattern`);
  }
}
