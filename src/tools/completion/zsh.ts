import type { ArgumentModel, OptionModel, ToolModel, Values } from './model.ts';

/** A function a tool, each a call of zsh's own `_arguments`. */
export function generate(tools: readonly ToolModel[], aliases: Readonly<Record<string, string>>): string {
  const names = tools.map(({ name }) => name).join(' ');
  return `#compdef ${names}
# Zsh completion of Bulkhead's tools. Made by: bulkhead completion zsh

_bulkhead_names() {
  local -a found
  found=(\${(f)"$(\${_bulkhead_dir}bulkhead names $@ 2>/dev/null)"})
  compadd -a found
}

${tools.map((tool) => toolFunctions(tool, tool.name, tool.name === 'bulkhead' ? aliases : {})).join('\n')}
_bulkhead_main() {
  local _bulkhead_dir=
  [[ $words[1] == */* ]] && _bulkhead_dir=\${words[1]:h}/
  \${:-_bulkhead_for_\${\${words[1]:t}//-/_}}
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _bulkhead_main "$@"
else
  compdef _bulkhead_main ${names}
fi
`;
}

function functionName(key: string): string {
  return `_bulkhead_for_${key.replace(/[^A-Za-z0-9]/g, '_')}`;
}

function toolFunctions(tool: ToolModel, key: string, aliases: Readonly<Record<string, string>>): string {
  const nested = tool.subcommands.map((sub) => toolFunctions(sub, `${key} ${sub.name}`, {}));
  const body = tool.subcommands.length > 0 ? dispatch(tool, key, aliases) : leaf(tool);
  return `${nested.join('\n')}${functionName(key)}() {\n${body}}\n`;
}

function leaf(tool: ToolModel): string {
  const specs = [
    ...tool.options.map(optionSpec),
    ...tool.arguments.map((argument) => argumentSpec(tool, argument)),
  ];
  const strict = tool.optionsFirst ? " -A '-*'" : '';
  return `  _arguments -s -S${strict} \\\n    ${specs.join(' \\\n    ')}\n`;
}

function dispatch(tool: ToolModel, key: string, aliases: Readonly<Record<string, string>>): string {
  const own = tool.subcommands.map(
    ({ name, summary }) => [name, summary, functionName(`${key} ${name}`)] as const,
  );
  const others = Object.entries(aliases).map(
    ([alias, name]) => [alias, `same as ${name}`, functionName(name)] as const,
  );
  const words = [...own, ...others].map(([word, summary]) =>
    quote(`${word}:${summary.replaceAll(':', '\\:')}`),
  );
  const cases = [...own, ...others].map(([word, , target]) => `      ${word}) ${target} ;;\n`);
  return `  local state line
  local -a commands=(${words.join(' ')})
  _arguments -C ${tool.options.map(optionSpec).join(' ')} '1:command:->command' '*::word:->rest' && return
  case $state in
    command) _describe command commands ;;
    rest) case $line[1] in
${cases.join('')}    esac ;;
  esac
`;
}

function optionSpec(option: OptionModel): string {
  const value = option.values ? `:${option.optionalValue ? ':' : ''}value:${action(option.values, '')}` : '';
  const description = `[${escapeSpec(option.description)}]`;
  const flags = option.flags.map((flag) => flag + attachment(option, flag));
  const excluded = option.repeatable ? '*' : option.flags.length > 1 ? `(${option.flags.join(' ')})` : '';
  const spelled = flags.length > 1 ? `{${flags.join(',')}}` : (flags[0] ?? '');
  return `${quote(excluded)}${spelled}${quote(description + value)}`;
}

/** How a value may follow: attached or apart, for an optional one attached only. */
function attachment({ values, optionalValue }: OptionModel, flag: string): string {
  if (!values) return '';
  if (flag.startsWith('--')) return optionalValue ? '=-' : '=';
  return '+';
}

function argumentSpec(tool: ToolModel, { name, values, variadic }: ArgumentModel): string {
  const domain = tool.arguments[0]?.name === 'VMNAME' ? '$line[1]' : '';
  // After the domain, qvm-run's words are another command's.
  const stars = variadic ? (tool.optionsFirst ? '*::' : '*:') : ':';
  return quote(`${stars}${escapeSpec(name)}:${action(values, domain)}`);
}

function action(values: Values, domain: string): string {
  if (values.kind === 'words') return `(${values.words.join(' ')})`;
  if (values.kind === 'names')
    return `{_bulkhead_names ${values.of}${values.perDomain && domain ? ` ${domain}` : ''}}`;
  return values.kind === 'files' ? '_files' : ' ';
}

function escapeSpec(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quote(text: string): string {
  return text === '' ? '' : `'${text.replaceAll("'", `'\\''`)}'`;
}
