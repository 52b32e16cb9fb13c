import type { Context } from './context.ts';

/** How long something may take before a waiting person is told, in milliseconds. */
const PATIENCE = 1000;

/**
 * Awaits `work`. When it takes over a second and stderr is a terminal, says what is going on there, with the seconds
 * counting, and wipes it at the end.
 */
export async function withProgress<T>(context: Context, text: string, work: Promise<T>): Promise<T> {
  if (!context.stderr.isTTY) return work;
  const begun = Date.now();
  let shown = false;
  const show = () => {
    shown = true;
    context.stderr.write(`\r\x1b[2K${text} … ${Math.round((Date.now() - begun) / 1000)} s`);
  };
  const timer = setInterval(show, PATIENCE);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (shown) context.stderr.write('\r\x1b[2K');
  }
}
