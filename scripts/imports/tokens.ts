/** A piece of TypeScript source. Enough to find imports: operators are cut into single characters. */
export interface Token {
  readonly kind: 'word' | 'string' | 'other';
  readonly text: string;
  /** 1-based. */
  readonly line: number;
}

const SKIPPED = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$]*/uy;
const NUMBER = /\d[\w.]*/y;
const STRING = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*/y;
/** From a backtick, or from the brace that ends a substitution, to the next substitution or the closing backtick. */
const TEMPLATE_PART = /[`}](?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;

/** Words after which a slash begins a regular expression, although after other words it divides. */
const BEFORE_EXPRESSION = new Set([
  'return',
  'typeof',
  'case',
  'of',
  'in',
  'do',
  'else',
  'void',
  'await',
  'yield',
]);

/** Cuts a source into tokens. Comments, white space, templates' text and regular expressions are left out. */
export function tokens(source: string): Token[] {
  const found: Token[] = [];
  /** For each open template substitution, how many braces are open inside it. */
  const substitutions: number[] = [];
  let at = 0;
  let line = 1;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (!text) return undefined;
    at += text.length;
    return text;
  };
  const add = (kind: Token['kind'], text: string | undefined) => {
    if (text) found.push({ kind, text, line });
    return text;
  };
  const template = () => {
    const text = take(TEMPLATE_PART);
    if (text?.endsWith('${')) substitutions.push(0);
    return text;
  };
  const brace = (char: string) => {
    const depth = substitutions.at(-1);
    if (depth === undefined) return undefined;
    if (char === '}' && depth === 0) {
      substitutions.pop();
      return template();
    }
    substitutions[substitutions.length - 1] = depth + (char === '{' ? 1 : -1);
    return undefined;
  };

  while (at < source.length) {
    const char = source[at] as string;
    const text =
      take(SKIPPED) ??
      add('word', take(WORD)) ??
      add('string', take(STRING)) ??
      take(NUMBER) ??
      (char === '`' ? template() : undefined) ??
      (char === '{' || char === '}' ? brace(char) : undefined) ??
      (char === '/' && beginsExpression(found.at(-1)) ? take(REGEX) : undefined) ??
      add('other', source[at++]) ??
      '';
    line += text.split('\n').length - 1;
  }
  return found;
}

/** May an expression begin after this token? Where it may, a slash is no division. */
function beginsExpression(previous: Token | undefined): boolean {
  if (!previous) return true;
  if (previous.kind === 'word') return BEFORE_EXPRESSION.has(previous.text);
  return previous.kind === 'other' && !/[)\]}]/.test(previous.text);
}
