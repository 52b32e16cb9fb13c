import type { OptionModel, ToolModel, Values } from './model.ts';

/** One function for all tools, with what differs between them in two `case` tables. */
export function generate(tools: readonly ToolModel[], aliases: Readonly<Record<string, string>>): string {
  const all = tools.flatMap((tool) => withSubcommands(tool, tool.name));
  const short = Object.entries(aliases).map(([alias, tool]) => `    'bulkhead ${alias}') key=${tool} ;;\n`);
  return `# Bash completion of Bulkhead's tools. Made by: bulkhead completion bash

# What is there at this place: sets options, places (one a word), more (the last place repeats), subcommands, and
# strict (options only before the first word).
_bulkhead_tool() {
  options= subcommands= more= strict= places=()
  case $key in
${short.join('')}  esac
  case $key in
${all.map(([key, tool]) => toolCase(key, tool, key === 'bulkhead' ? Object.keys(aliases) : [])).join('')}  esac
}

# What follows the option $1: sets want, and takes to one, many (up to the next option) or attached. Fails for an
# option without a value.
_bulkhead_option() {
  want= takes=one
  case "$key $1" in
${all
  .map(([key, tool]) =>
    tool.options
      .filter((option) => option.values)
      .map((option) => optionCase(key, option))
      .join(''),
  )
  .join('')}    *) return 1 ;;
  esac
}

${DRIVER}
complete -F _bulkhead ${tools.map(({ name }) => name).join(' ')}
`;
}

function withSubcommands(tool: ToolModel, key: string): [string, ToolModel][] {
  return [[key, tool], ...tool.subcommands.flatMap((sub) => withSubcommands(sub, `${key} ${sub.name}`))];
}

function toolCase(key: string, tool: ToolModel, aliases: readonly string[]): string {
  const flags = tool.options.flatMap((option) => option.flags);
  const places = tool.arguments.map(({ values }) => quote(describe(values)));
  const settings = [`options=${quote(flags.join(' '))}`, `places=(${places.join(' ')})`];
  if (tool.arguments.at(-1)?.variadic) settings.push('more=1');
  if (tool.optionsFirst) settings.push('strict=1');
  const subcommands = [...tool.subcommands.map(({ name }) => name), ...aliases];
  if (subcommands.length > 0) settings.push(`subcommands=${quote(subcommands.join(' '))}`);
  return `    ${quote(key)}) ${settings.join(' ')} ;;\n`;
}

function optionCase(key: string, option: OptionModel): string {
  const patterns = option.flags.map((flag) => quote(`${key} ${flag}`)).join(' | ');
  const takes = option.variadic ? ' takes=many' : option.optionalValue ? ' takes=attached' : '';
  return `    ${patterns}) want=${quote(describe(option.values ?? { kind: 'none' }))}${takes} ;;\n`;
}

/** As the function below reads it: a kind, then its words. */
function describe(values: Values): string {
  if (values.kind === 'words') return `words ${values.words.join(' ')}`;
  if (values.kind === 'names') return `${values.perDomain ? 'names-of' : 'names'} ${values.of}`;
  return values.kind;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

// No compgen -W: it would run whatever a name holds. Bash splits --option=value at the =.
const DRIVER = `# Completes $cur with what want describes.
_bulkhead_offer() {
  local kind=\${1%% *} rest=\${1#* } name names=
  case $kind in
    words) names=\${rest// /$'\\n'} ;;
    names) names=$("\${dir}bulkhead" names "$rest" 2>/dev/null) ;;
    names-of) names=$("\${dir}bulkhead" names "$rest" $domain 2>/dev/null) ;;
    files) compopt -o default; return ;;
    *) return ;;
  esac
  while IFS= read -r name; do
    [[ $name == "$cur"* && $name =~ ^[A-Za-z0-9@_.+:-]+$ ]] && COMPREPLY+=("$name")
  done <<<"$names"
}

_bulkhead() {
  COMPREPLY=()
  local cur=\${COMP_WORDS[COMP_CWORD]} key=\${COMP_WORDS[0]##*/} dir= domain=
  local options places more strict subcommands want takes word count=0 pending= i
  [[ \${COMP_WORDS[0]} == */* ]] && dir=\${COMP_WORDS[0]%/*}/
  [[ $cur == '=' ]] && cur=
  _bulkhead_tool
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == '=' ]]; then
      [[ $takes == attached ]] && pending=one
      continue
    fi
    if [[ $word == -* && ! ($strict && $count -gt 0) ]]; then
      pending=
      _bulkhead_option "$word" && pending=$takes
    elif [[ $pending == one ]]; then
      pending=
    elif [[ $pending != many ]]; then
      pending=
      if [[ " $subcommands " == *" $word "* ]]; then
        key="$key $word" count=0
        _bulkhead_tool
      else
        ((count++ == 0)) && [[ \${places[0]} == 'names domains' ]] && domain=$word
      fi
    fi
  done
  [[ $pending == attached && \${COMP_WORDS[COMP_CWORD]} == '=' ]] && pending=one
  if [[ $pending == one || $pending == many && $cur != -* ]]; then
    _bulkhead_offer "$want"
  elif [[ $cur == -* && ! ($strict && $count -gt 0) ]]; then
    _bulkhead_offer "words $options"
  elif [[ $subcommands ]]; then
    _bulkhead_offer "words $subcommands"
  else
    [[ $more && $count -ge \${#places[@]} ]] && count=$((\${#places[@]} - 1))
    _bulkhead_offer "\${places[count]:-none}"
  fi
}
`;
