import { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';
import { AdminClient } from '../../src/client/admin-client.ts';
import * as bulkhead from '../../src/tools/bulkhead.ts';
import type { Context } from '../../src/tools/context.ts';
import { TOOLS } from '../../src/tools/registry.ts';
import { code, markdownTable } from './markdown.ts';

/** Every tool and every command of `bulkhead`, with the first example of its own help. */
export async function toolsTable(): Promise<string> {
  const rows: string[][] = [];
  const tools = await Promise.all(Object.values(TOOLS).map((load) => load()));
  for (const { define } of [...tools, bulkhead]) {
    const help = new Capture();
    for (const command of commandsOf(define(contextOf(help)))) {
      help.text = '';
      command.outputHelp();
      const [example = '', meaning = ''] = firstExample(help.text);
      rows.push([code(fullName(command)), command.summary(), `${code(example)}: ${meaning}`]);
    }
  }
  return markdownTable(['Command', 'What it does', 'An example'], rows);
}

/** The commands one can type: those with commands of their own stand for these. */
function commandsOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(commandsOf);
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function firstExample(help: string): string[] {
  const [line = ''] = help.slice(help.indexOf('Examples:\n') + 'Examples:\n'.length).split('\n');
  return line.trim().split(/ {2,}/);
}

class Capture extends Writable {
  text = '';
  readonly columns = 100;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}

/** Nothing is asked of a daemon when a tool prints its help. */
function contextOf(stdout: Capture): Context {
  return {
    stdin: Readable.from([]),
    stdout,
    stderr: stdout,
    env: {},
    client: new AdminClient(),
    execSocket: '',
    exitCode: 0,
  };
}
