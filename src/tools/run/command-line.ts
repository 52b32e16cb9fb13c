/** What to run where, out of the words of a `qvm-run` line. Pure. */

export interface WordOptions {
  /** `--dispvm` alone is true; with a base it is the base's name. */
  readonly dispvm?: string | true;
  /** The option and its base were one word: the base cannot be a command. */
  readonly dispvmJoined?: boolean;
  readonly all?: true;
  readonly shell?: boolean;
}

export interface CommandLine {
  /** A domain's name, `@dispvm`, `@dispvm:BASE`; undefined for `--all`. */
  readonly target: string | undefined;
  /** Empty when no command was given. */
  readonly argv: readonly string[];
  /** As typed, for messages. */
  readonly shown: string;
}

/** Runs one string as Qubes does, in a shell. */
export function shellArgv(command: string): string[] {
  return ['/bin/sh', '-c', command];
}

/** The account's own shell as after a login, for when only a terminal is wanted. */
export const LOGIN_SHELL = shellArgv('exec "${SHELL:-$(command -v bash || echo /bin/sh)}" -l');

/**
 * Throws Error with a message for the user when words are missing or the options stand at the wrong place. A single
 * word of command is shell text, unless `shell` is false; several are a program and its arguments.
 */
export function readCommandLine(words: readonly string[], options: WordOptions): CommandLine {
  const { target, rest } = splitTarget(words, options);
  const first = rest[0];
  const separated = first === '--';
  const command = separated ? rest.slice(1) : rest;
  if (!separated && first?.startsWith('-'))
    throw new Error(
      `'${first}' stands after the domain's name; options of qvm-run go before it, -- before a command`,
    );
  const shown = command.join(' ');
  if (command.length === 1 && options.shell !== false)
    return { target, argv: shellArgv(command[0] ?? ''), shown };
  return { target, argv: command, shown };
}

function splitTarget(words: readonly string[], { dispvm, dispvmJoined, all }: WordOptions) {
  if (all) return { target: undefined, rest: words };
  if (dispvm === true) return { target: '@dispvm', rest: words };
  // `--dispvm COMMAND`: the option took the command for its base.
  if (dispvm !== undefined && words.length === 0 && !dispvmJoined)
    return { target: '@dispvm', rest: [dispvm] };
  if (dispvm !== undefined) return { target: `@dispvm:${dispvm}`, rest: words };
  const [name, ...rest] = words;
  if (name === undefined) throw new Error("missing required argument 'VMNAME'");
  return { target: name, rest };
}
