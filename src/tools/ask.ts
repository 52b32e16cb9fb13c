import { createInterface } from 'node:readline/promises';
import type { Context } from './context.ts';

/** Asks on stderr and reads one line; empty when the input has ended. */
export async function ask(context: Context, question: string): Promise<string> {
  const { stdin: input, stderr } = context;
  const lines = createInterface({ input, terminal: false });
  stderr.write(question);
  try {
    for await (const line of lines) return line.trim();
    stderr.write('\n');
    return '';
  } finally {
    lines.close();
    input.pause();
  }
}

/** Whether the answer is yes; anything else, and no answer, is no. */
export async function confirm(context: Context, question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(context, `${question} [y/N] `));
}
