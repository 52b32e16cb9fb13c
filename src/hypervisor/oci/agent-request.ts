import { QubesValueError } from '../../base/errors.ts';
import { MAX_FRAME } from '../../base/frames.ts';
import type { ExecRequest } from '../hypervisor.ts';

/**
 * What the agent is asked to run, as the payload of a `request` frame. The format is described in
 * `agent/protocol.h`, which this file follows.
 */

const VERSION = 1;
const HEADER = 10;
const FLAG_TERMINAL = 1;
const MAX_16_BITS = 0xffff;

/** Throws QubesValueError when the command is not one the agent can be asked for: a NUL inside, or too long. */
export function encodeAgentRequest(request: ExecRequest): Buffer {
  const variables = Object.entries(environmentOf(request));
  const strings = [
    request.user ?? '',
    request.cwd ?? '',
    ...request.argv,
    ...variables.map(([name, value]) => `${checkedName(name)}=${value}`),
  ];
  const header = Buffer.alloc(HEADER);
  header[0] = VERSION;
  header[1] = request.terminal ? FLAG_TERMINAL : 0;
  header.writeUInt16BE(sizeOf('rows', request.terminal?.rows ?? 0), 2);
  header.writeUInt16BE(sizeOf('columns', request.terminal?.columns ?? 0), 4);
  header.writeUInt16BE(sizeOf('number of arguments', request.argv.length), 6);
  header.writeUInt16BE(sizeOf('number of variables', variables.length), 8);
  return withinFrame(Buffer.concat([header, ...strings.map(terminated)]));
}

function environmentOf(request: ExecRequest): Readonly<Record<string, string>> {
  return request.terminal ? { TERM: request.terminal.type, ...request.env } : (request.env ?? {});
}

function terminated(text: string): Buffer {
  if (text.includes('\0'))
    throw new QubesValueError('a command, its user, directory and variables hold no NUL');
  return Buffer.from(`${text}\0`);
}

function checkedName(name: string): string {
  if (name === '' || name.includes('=')) throw new QubesValueError(`not the name of a variable: '${name}'`);
  return name;
}

function sizeOf(what: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= MAX_16_BITS) return value;
  throw new QubesValueError(`${what} of a command must be 0 to ${MAX_16_BITS}, not ${value}`);
}

function withinFrame(payload: Buffer): Buffer {
  if (payload.length <= MAX_FRAME) return payload;
  throw new QubesValueError(
    `command of ${payload.length} bytes; at most ${MAX_FRAME}: pass long data on its standard input`,
  );
}
