import { type Token, tokens } from './tokens.ts';

/** One `import` or `export ... from` of a source file. */
export interface Import {
  /** What stands in quotes; undefined for a dynamic import of something computed. */
  readonly specifier: string | undefined;
  /** 1-based. */
  readonly line: number;
  /** Gone at run time: `import type`, `export type`, `typeof import()`. */
  readonly typeOnly: boolean;
}

/** Every import of a TypeScript module, in order. What stands in comments, strings or templates is none. */
export function findImports(source: string): Import[] {
  const all = tokens(source);
  return all.flatMap((token, at) => {
    if (token.kind !== 'word' || all[at - 1]?.text === '.') return [];
    if (token.text === 'import' && all[at + 1]?.text === '(') return [dynamicImport(all, at)];
    if (token.text === 'import' || token.text === 'export') return declaration(all, at);
    return [];
  });
}

/** `import(...)`. Only a lone string can be checked. */
function dynamicImport(all: readonly Token[], at: number): Import {
  const argument = all[at + 2];
  const literal = argument?.kind === 'string' && /[),]/.test(all[at + 3]?.text ?? '');
  return {
    specifier: literal ? unquoted(argument) : undefined,
    line: all[at]?.line ?? 0,
    typeOnly: all[at - 1]?.text === 'typeof',
  };
}

/** `import 'x'`, `import ... from 'x'`, `export ... from 'x'`; nothing for an export of something local. */
function declaration(all: readonly Token[], at: number): Import[] {
  const line = all[at]?.line ?? 0;
  if (all[at + 1]?.kind === 'string') {
    return all[at]?.text === 'import' ? [{ specifier: unquoted(all[at + 1]), line, typeOnly: false }] : [];
  }
  const typeOnly = all[at + 1]?.text === 'type' && all[at + 2]?.text !== 'from';
  for (let next = at + 1; next < all.length; next++) {
    const { kind, text } = all[next] as Token;
    if (kind === 'string')
      return all[next - 1]?.text === 'from' ? [{ specifier: unquoted(all[next]), line, typeOnly }] : [];
    if (text === 'import' || text === 'export' || (kind === 'other' && !/[{},*]/.test(text))) return [];
  }
  return [];
}

function unquoted(token: Token | undefined): string | undefined {
  return token?.text.slice(1, -1);
}
