import type { OptionModel, ToolModel, Values } from './model.ts';

/** Fish's own `complete` lines, a condition on each saying at which word of which command it holds. */
export function generate(tools: readonly ToolModel[], aliases: Readonly<Record<string, string>>): string {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const lines = tools.flatMap((tool) => toolLines(tool, tool.name, []));
  for (const [alias, name] of Object.entries(aliases)) {
    const tool = byName.get(name);
    if (!tool) continue;
    lines.push(`complete -c bulkhead -n '__bulkhead_at 0' -a ${alias} -d ${quote(tool.summary)}`);
    lines.push(...toolLines(tool, 'bulkhead', [alias]));
  }
  return `${HELPERS}\n${lines.join('\n')}\n`;
}

const HELPERS = `# Fish completion of Bulkhead's tools. Made by: bulkhead completion fish

# The words before the cursor that are not options. \\$__bulkhead_valued holds the options whose value is a word.
function __bulkhead_words
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-*' $word
            contains -- $word $argv; and set skip 1
        else
            echo $word
        end
    end
end

# True at the place $argv[1] (from 0) after the subcommands given before --; options with values come after it.
function __bulkhead_at
    set -l cut (contains -i -- -- $argv; or math (count $argv) + 1)
    set -l subcommands $argv[2..(math $cut - 1)]
    test $cut -le 2; and set subcommands
    set -l words (__bulkhead_words $argv[(math $cut + 1)..])
    test $cut -ge (count $argv); and set words (__bulkhead_words)
    set -l depth (count $subcommands)
    test $depth -gt 0; and test "$words[1..$depth]" != "$subcommands"; and return 1
    test $argv[1] = any; and return 0
    set -l place (math (count $words) - $depth)
    string match -q -- '*+' $argv[1]; and test $place -ge (string trim -c + -- $argv[1]); and return 0
    test $place = $argv[1]
end

function __bulkhead_names
    set -l self (commandline -opc)[1]
    set -l dir (string match -r -- '.*/' $self)
    "$dir"bulkhead names $argv 2>/dev/null
end
`;

function toolLines(tool: ToolModel, program: string, path: readonly string[]): string[] {
  const valued = tool.options
    .filter(({ values, optionalValue }) => values && !optionalValue)
    .flatMap(({ flags }) => flags);
  const at = (place: string) => `__bulkhead_at ${[place, ...path, '--', ...valued].join(' ')}`;
  const optionsAt = tool.optionsFirst ? at('0') : at('any');
  const lines = [`complete -c ${program} -n ${quote(at('any'))} -f`];
  for (const option of tool.options) lines.push(optionLine(program, optionsAt, option));
  tool.arguments.forEach(({ values, variadic }, index) => {
    const condition = at(variadic ? `${index}+` : String(index));
    lines.push(...valueLine(program, condition, values, tool, path));
  });
  for (const sub of tool.subcommands) {
    lines.push(`complete -c ${program} -n ${quote(at('0'))} -a ${sub.name} -d ${quote(sub.summary)}`);
    lines.push(...toolLines(sub, program, [...path, sub.name]));
  }
  return lines;
}

function optionLine(
  program: string,
  condition: string,
  { flags, description, values, optionalValue }: OptionModel,
): string {
  const spelled = flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  const takes = values ? (values.kind === 'files' ? ' -r -F' : optionalValue ? '' : ' -x') : '';
  const offers = values && offer(values, []);
  const offered = offers ? ` -a ${quote(offers)}` : '';
  return `complete -c ${program} -n ${quote(condition)} ${spelled.join(' ')}${takes}${offered} -d ${quote(description)}`;
}

function valueLine(
  program: string,
  condition: string,
  values: Values,
  tool: ToolModel,
  path: readonly string[],
): string[] {
  if (values.kind === 'files') return [`complete -c ${program} -n ${quote(condition)} -F`];
  const domain = tool.arguments[0]?.name === 'VMNAME' ? [`(__bulkhead_words)[${path.length + 1}]`] : [];
  const offers = offer(values, domain);
  return offers ? [`complete -c ${program} -n ${quote(condition)} -a ${quote(offers)}`] : [];
}

function offer(values: Values, domain: readonly string[]): string | undefined {
  if (values.kind === 'words') return values.words.join(' ');
  if (values.kind === 'names')
    return `(__bulkhead_names ${[values.of, ...(values.perDomain ? domain : [])].join(' ')})`;
  return undefined;
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
