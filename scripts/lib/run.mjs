/** Running programs from scripts. Plain JavaScript for Node 20: this runs before anything is installed. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Node 24, once npm packages are there. The machine's own may be older. */
export const NODE = `${ROOT}/node_modules/.bin/node`;

/** A failure that has been explained; scripts print its message without a stack and end with 1. */
export class Failure extends Error {}

/**
 * Runs a program in the repository. Resolves to its exit code and what it printed (when `quiet`; else it goes to
 * ours). Throws Failure when it can't be run at all, or runs longer than `seconds`.
 */
export function run(argv, { quiet = false, env = process.env, input = 'ignore', seconds = 900 } = {}) {
  const [program, ...args] = argv;
  const output = quiet ? 'pipe' : 'inherit';
  const child = spawn(program, args, { cwd: ROOT, env, stdio: [input, output, output] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
  }
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => {
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
      reject(new Failure(`${argv.join(' ')} was still running after ${seconds} s; ended it`));
    }, seconds * 1000);
    child.once('error', (error) => reject(new Failure(`can't run ${program}: ${error.message}`)));
    child.once('close', (code, signal) => {
      clearTimeout(deadline);
      resolve({ code: code ?? 1, signal, printed });
    });
  });
}

/** Runs a program whose success is needed; its output is shown only when it fails. */
export async function must(what, argv, options = {}) {
  const { code, printed } = await run(argv, { quiet: true, ...options });
  if (code !== 0)
    throw new Failure(`${what} failed (${argv.join(' ')} ended with ${code})\n${printed.trimEnd()}`);
  return printed;
}

/** Announces a step that may take a while, and when it is done how long it took. One line, on a terminal or not. */
export async function step(text, work) {
  const began = Date.now();
  process.stdout.write(`${text} ... `);
  try {
    const result = await work();
    console.log(`done (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    console.log('failed');
    throw error;
  }
}

/** A script's entry: prints a Failure as a message, anything else (a defect) with its stack; ends with 1 for both. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}
