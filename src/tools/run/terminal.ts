import type { Execution } from '../../client/exec.ts';
import type { Context, Output } from '../context.ts';

/** What the program inside must know of the terminal it is on. */
export function terminalOf(context: Context): { rows: number; columns: number; type: string } {
  const { rows = 24, columns = 80 } = context.stdout;
  return { rows, columns, type: context.env['TERM'] || 'dumb' };
}

/**
 * Hands the keyboard over, every key of it (Ctrl-C too), and passes on changes of the window's size. Disposing gives
 * the keyboard back.
 */
export function takeTerminal(context: Context, execution: Execution): Disposable {
  const { stdin, stdout } = context;
  const resized = () => execution.resize(rowsOf(stdout), columnsOf(stdout));
  const restore = () => void stdin.setRawMode?.(false);
  stdin.setRawMode?.(true);
  stdout.on('resize', resized);
  process.once('exit', restore);
  return {
    [Symbol.dispose]() {
      stdout.off('resize', resized);
      process.off('exit', restore);
      restore();
    },
  };
}

const rowsOf = (output: Output) => output.rows ?? 24;
const columnsOf = (output: Output) => output.columns ?? 80;
