import type { Command } from 'commander';
import { type CommandText, newCommand } from './command.ts';
import { type Context, UsageError } from './context.ts';
import { ALIASES } from './registry.ts';

/** The umbrella: the system's own commands. `bulkhead ls` and its like are handled before this file (see main). */
export function define(context: Context): Command {
  const bulkhead = newCommand(context, {
    name: 'bulkhead',
    summary: 'run isolated domains on this machine',
    details: `Besides the commands below, every qvm-* tool can be called this way:
${wrap(Object.keys(ALIASES))}.`,
    examples: [
      ['bulkhead status', 'is it running, and what can it run?'],
      ['bulkhead ls', 'same as qvm-ls'],
      ['bulkhead import qubes.xml', 'take over the domains of a Qubes system'],
      ['bulkhead template create debian-12 --from debian', 'a fresh system to base domains on'],
      ['eval "$(bulkhead completion bash)"', 'complete names in this shell'],
    ],
  })
    .usage('COMMAND [options]')
    .allowExcessArguments()
    .action(() => explain(bulkhead));
  for (const text of COMMANDS) addCommand(bulkhead, context, text);
  return bulkhead;
}

interface Subcommand extends CommandText {
  readonly arrange: (command: Command, context: Context) => void;
}

const COMMANDS: readonly Subcommand[] = [
  {
    name: 'daemon',
    summary: 'run the daemon in this terminal',
    details:
      'npm start runs it in the background instead. BULKHEAD_STATE and BULKHEAD_RUN place a second system elsewhere.',
    examples: [['BULKHEAD_STATE=/tmp/s BULKHEAD_RUN=/tmp/r bulkhead daemon', 'a system to play with']],
    arrange: (command) => {
      command.action(async () => (await import('./run-daemon.ts')).runDaemon());
    },
  },
  {
    name: 'status',
    summary: 'tell whether the daemon runs and what it can run',
    examples: [['bulkhead status', 'version, domains, engines and what they miss']],
    arrange: (command, context) => {
      command.option('--json', 'print JSON');
      command.action(async (options) => (await import('./system.ts')).status(context, options));
    },
  },
  {
    name: 'check',
    summary: 'look for what is wrong in the system',
    details: 'Exit code 1 when there is something.',
    examples: [['bulkhead check', 'one line a problem, with its remedy']],
    arrange: (command, context) => {
      command.option('--json', 'print JSON');
      command.action(async (options) => (await import('./system.ts')).check(context, options));
    },
  },
  {
    name: 'import',
    summary: 'take over the domains of a qubes.xml, of Qubes 4.0 to 4.4',
    examples: [['bulkhead import ~/qubes.xml', 'domains, labels and system properties; not their files']],
    arrange: (command, context) => {
      command
        .argument('<FILE>', 'the qubes.xml')
        .option('--skip-existing', "keep this system's domains where the file has others of the same name")
        .option('--json', 'print JSON');
      command.action(async (file, options) =>
        (await import('./system.ts')).importFile(context, file, options),
      );
    },
  },
  {
    name: 'export',
    summary: 'write a qubes.xml of this system',
    examples: [['bulkhead export backup.xml', 'the settings of all domains; not their files']],
    arrange: (command, context) => {
      command
        .argument('[FILE]', 'where to; standard output when not given')
        .option('-f, --force', 'replace FILE');
      command.action(async (file, options) =>
        (await import('./system.ts')).exportFile(context, file, options),
      );
    },
  },
  {
    name: 'template',
    summary: 'make templates',
    examples: [
      ['bulkhead template create host --from host', "this machine's own programs; at once"],
      ['bulkhead template create debian-12 --from debian', 'a system of its own; some minutes'],
    ],
    arrange: (command, context) => {
      command
        .usage('create|build NAME --from host|debian')
        .allowExcessArguments()
        .action(() => explain(command));
      addCommand(command, context, TEMPLATE_CREATE);
      addCommand(command, context, TEMPLATE_BUILD);
    },
  },
  {
    name: 'completion',
    summary: "print a shell's completion of all tools",
    examples: [
      ['eval "$(bulkhead completion bash)"', 'in ~/.bashrc'],
      ['bulkhead completion zsh > ~/.zfunc/_bulkhead', 'zsh: a directory of fpath'],
      ['bulkhead completion fish > ~/.config/fish/conf.d/bulkhead.fish', 'fish'],
    ],
    arrange: (command, context) => {
      command.argument('<bash|zsh|fish>', 'the shell');
      command.action(async (shell) =>
        (await import('./completion/print.ts')).printCompletion(context, shell, command.parent as Command),
      );
    },
  },
  {
    name: 'names',
    summary: 'print names, one a line, for scripts and completion',
    examples: [['bulkhead names templates', 'all templates']],
    arrange: (command, context) => {
      command.argument('<KIND>', 'domains, templates, labels, classes, pools, properties, features or tags');
      command.argument('[VMNAME]', 'whose properties, features or tags');
      command.action(async (kind, domain) => (await import('./names.ts')).names(context, kind, domain));
    },
  },
];

const TEMPLATE_CREATE: Subcommand = {
  name: 'create',
  summary: 'make a TemplateVM',
  examples: [
    ['bulkhead template create debian-12 --from debian', "from the mirror in this machine's apt sources"],
  ],
  arrange: (command, context) => {
    command.argument('<NAME>', 'its name').requiredOption('--from <host|debian>', 'what is put into it');
    command.option('-l, --label <LABEL>', 'its label', 'black');
    command.action(async (name, options) =>
      (await import('./system.ts')).createTemplate(context, name, options),
    );
  },
};

const TEMPLATE_BUILD: Subcommand = {
  name: 'build',
  summary: 'replace the system a template (or a standalone domain) holds',
  examples: [
    ['bulkhead template build fedora-42 --from host', 'fills an imported template, which comes empty'],
  ],
  arrange: (command, context) => {
    command
      .argument('<NAME>', 'a domain that holds a system')
      .requiredOption('--from <host|debian>', 'what is put into it');
    command.action(async (name, options) =>
      (await import('./system.ts')).buildTemplate(context, name, options),
    );
  },
};

/** Without a command of its own to run: says which there are, or that the one given is none. */
function explain(command: Command): never {
  const [word] = command.args;
  if (word === undefined) return command.help({ error: true });
  throw new UsageError(`there is no command '${word}'`);
}

function addCommand(parent: Command, context: Context, text: Subcommand): void {
  const command = newCommand(context, text);
  text.arrange(command, context);
  parent.enablePositionalOptions().addCommand(command);
}

/** Lines of about 80 characters, with commas between the words. */
function wrap(words: readonly string[]): string {
  return words.join(', ').replace(/(.{60,80}?,) /g, '$1\n');
}
