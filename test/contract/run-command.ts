import { buffer } from 'node:stream/consumers';
import { encodeFrame, Frame, FrameReader } from '../../src/base/frames.ts';
import type { ExecRequest, Hypervisor } from '../../src/hypervisor/hypervisor.ts';

/** How a command ended; text is one character a byte. */
export interface CommandOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | undefined;
  readonly error: string | undefined;
}

/** Runs a command to its end, with `input` and then end of file. */
export async function runCommand(
  hypervisor: Hypervisor,
  uuid: string,
  request: ExecRequest,
  input: Uint8Array | string = '',
): Promise<CommandOutcome> {
  const stream = await hypervisor.exec(uuid, request);
  stream.on('error', () => undefined); // the outcome tells
  const bytes = Buffer.from(input);
  for (let at = 0; at < bytes.length; at += 65_536)
    stream.write(encodeFrame(Frame.stdin, bytes.subarray(at, at + 65_536)));
  stream.write(encodeFrame(Frame.stdin));
  return outcomeOf(await buffer(stream));
}

export function outcomeOf(bytes: Buffer): CommandOutcome {
  const output = { [Frame.stdout]: [] as Buffer[], [Frame.stderr]: [] as Buffer[] };
  let code: number | undefined;
  let error: string | undefined;
  for (const { type, payload } of new FrameReader().push(bytes)) {
    if (type === Frame.stdout || type === Frame.stderr) output[type].push(payload);
    if (type === Frame.exit) code = payload.readUInt32BE();
    if (type === Frame.error) error = payload.toString();
  }
  const text = (parts: Buffer[]) => Buffer.concat(parts).toString('latin1');
  return { stdout: text(output[Frame.stdout]), stderr: text(output[Frame.stderr]), code, error };
}
