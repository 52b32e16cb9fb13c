import { connect, type Socket } from 'node:net';
import * as errors from '../../../src/base/errors.ts';

/** The Admin API's bytes, sent and taken as they are: for what no correct client would send. */

/** Sends bytes, ends its side, and gives back everything that came until the other side closed. */
export function exchangeRaw(path: string, bytes: Uint8Array): Promise<Buffer> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.on('error', () => undefined); // a refusal may come before all was sent
  socket.end(bytes);
  return received(socket);
}

/** Everything that comes until the end, whatever ends it. */
export async function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return Buffer.concat(chunks);
}

export function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

export function request(
  method: string,
  argument = '',
  destination = 'dom0',
  payload: string | Uint8Array = '',
): Buffer {
  return Buffer.concat([
    Buffer.from(`${method}+${argument} dom0 name ${destination}\0`),
    Buffer.from(payload),
  ]);
}

const TYPES = new Set(
  Object.values(errors)
    .filter(
      (member) =>
        member === errors.QubesException ||
        (member as { prototype?: unknown }).prototype instanceof errors.QubesException,
    )
    .map((type) => type.name),
);

/**
 * What is wrong with an answer to a request, or undefined: it must be `0 NUL TEXT`, or `2 NUL TYPE NUL NUL MESSAGE NUL`
 * with a type clients know and a message that says something.
 */
export function faultOf(answer: Buffer): string | undefined {
  if (answer[1] !== 0)
    return `neither an answer nor an exception: ${JSON.stringify(answer.toString('latin1', 0, 200))}`;
  if (answer[0] === 0x30) return undefined;
  const parts = answer.toString('utf8').split('\0');
  const [two, type = '', traceback, message = '', end, ...more] = parts;
  if (two !== '2' || traceback !== '' || end !== '' || more.length > 0)
    return `malformed exception: ${JSON.stringify(parts)}`;
  if (!TYPES.has(type)) return `unknown type ${type}: ${message}`;
  if (message.trim() === '') return `${type} without a message`;
  if (message.startsWith('Internal error')) return message;
  if (/[^\x20-\x7e]/.test(message))
    return `${type} with a message that is not printable: ${JSON.stringify(message)}`;
  return undefined;
}
