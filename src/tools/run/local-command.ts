import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ExecRequest, Execution } from '../../client/exec.ts';
import type { Context } from '../context.ts';
import { forwardSignals } from './signals.ts';

/**
 * Runs `request` with its input and output connected to a local command, which is the user's own shell text.
 * Resolves to the larger of the two exit codes.
 */
export async function runWithLocal(
  context: Context,
  request: ExecRequest,
  localCommand: string,
): Promise<number> {
  const local = spawn('/bin/sh', ['-c', localCommand], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(local, 'exit');
  try {
    local.stdin.on('error', () => {}); // while the command runs, `exitCode` tells
    const streams = { stdin: local.stdout, stdout: local.stdin, stderr: context.stderr };
    const execution = await Execution.begin(request, streams, context.execSocket);
    using _signals = forwardSignals(new Set([execution]));
    const code = await execution.exitCode;
    local.stdin.end();
    const [localCode] = await ended;
    return Math.max(code, localCode ?? 1);
  } finally {
    local.kill();
  }
}
