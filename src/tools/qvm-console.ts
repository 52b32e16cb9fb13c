import { Transform } from 'node:stream';
import type { Command } from 'commander';
import { Execution } from '../client/exec.ts';
import { newCommand } from './command.ts';
import type { Context } from './context.ts';
import { takeTerminal, terminalOf } from './run/terminal.ts';

/** Ctrl-], which telnet and virsh use as well. */
const LEAVE = 0x1d;

export function define(context: Context): Command {
  return newCommand(context, {
    name: 'qvm-console',
    summary: "attach to a running domain's console",
    details: `Shows what the domain's system printed so far, then live. On a terminal, Ctrl-] leaves; what the domain
prints reaches the terminal unfiltered.`,
    examples: [
      ['qvm-console work', 'watch it start, or log in where there is no other way'],
      ['qvm-console work < /dev/null > boot.log', 'keep what it says'],
    ],
  })
    .argument('<VMNAME>', 'the domain')
    .action((name: string) => attach(context, name));
}

async function attach(context: Context, name: string): Promise<void> {
  const onTerminal = context.stdin.isTTY === true && context.stdout.isTTY === true;
  const request = {
    domain: name,
    console: true,
    ...(onTerminal && { terminal: terminalOf(context) }),
  } as const;
  if (onTerminal) context.stderr.write(`Console of ${name}; Ctrl-] leaves.\r\n`);
  let left = false;
  const keys = watchFor(LEAVE, () => {
    left = true;
    execution.close();
  });
  const stdin = onTerminal ? context.stdin.pipe(keys) : context.stdin;
  const streams = { stdin, stdout: context.stdout, stderr: context.stderr };
  const execution = await Execution.begin(request, streams, context.execSocket);
  using _terminal = onTerminal ? takeTerminal(context, execution) : undefined;
  try {
    context.exitCode = await execution.exitCode;
  } catch (error) {
    if (!left) throw error;
    context.stderr.write('\r\n');
  }
}

/** Passes bytes on until one of that value, which calls back instead. */
function watchFor(byte: number, found: () => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const at = chunk.indexOf(byte);
      if (at >= 0) found();
      done(null, at >= 0 ? chunk.subarray(0, at) : chunk);
    },
  });
}
