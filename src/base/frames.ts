/**
 * The frames in which a command's streams travel: between a tool and the daemon (`exec.sock`), and between the
 * daemon and the agent inside a container. One byte of type, four of length (big endian), then the payload.
 * Pure: bytes in, frames out.
 */

export const Frame = {
  /** To the command: input; an empty payload is end of file. */
  stdin: 0x00,
  /** To the command's terminal: rows and columns, two 16-bit numbers. */
  resize: 0x01,
  /** To the command: one byte, a signal number. */
  signal: 0x02,
  /** From the command: its output and its errors; an empty payload is end of file. */
  stdout: 0x11,
  stderr: 0x12,
  /** From the command, last of all: 32-bit exit code (128 + N when signal N ended it). */
  exit: 0x13,
  /** Instead of `exit`: the command could not be run. UTF-8 text `TYPE NUL MESSAGE`, TYPE a class of base/errors. */
  error: 0x14,
  /** First of all, from who wants the command: what to run (JSON towards the daemon). */
  request: 0x20,
} as const;

export type FrameType = (typeof Frame)[keyof typeof Frame];

/** Longest payload of one frame, in bytes. Longer data is sent as several frames. */
export const MAX_FRAME = 65_536;

const HEADER = 5;
const KNOWN = new Set<number>(Object.values(Frame));

/** One frame as bytes. Throws RangeError when the payload is longer than {@link MAX_FRAME}. */
export function encodeFrame(type: FrameType, payload: Uint8Array = new Uint8Array()): Buffer {
  if (payload.length > MAX_FRAME)
    throw new RangeError(`frame of ${payload.length} bytes; at most ${MAX_FRAME}`);
  const frame = Buffer.allocUnsafe(HEADER + payload.length);
  frame[0] = type;
  frame.writeUInt32BE(payload.length, 1);
  frame.set(payload, HEADER);
  return frame;
}

/** Reassembles frames from untrusted chunks cut anywhere. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Frames completed by this chunk, in order. Throws RangeError on an unknown type or an over-long frame. */
  *push(untrustedChunk: Uint8Array): Generator<{ type: FrameType; payload: Buffer }> {
    this.#pending = this.#pending.length
      ? Buffer.concat([this.#pending, untrustedChunk])
      : Buffer.from(untrustedChunk.buffer, untrustedChunk.byteOffset, untrustedChunk.byteLength);
    while (this.#pending.length >= HEADER) {
      const type = this.#pending[0] as number;
      const length = this.#pending.readUInt32BE(1);
      if (!KNOWN.has(type)) throw new RangeError(`unknown frame type ${type}`);
      if (length > MAX_FRAME) throw new RangeError(`frame of ${length} bytes; at most ${MAX_FRAME}`);
      if (this.#pending.length < HEADER + length) return;
      const payload = this.#pending.subarray(HEADER, HEADER + length);
      this.#pending = this.#pending.subarray(HEADER + length);
      yield { type: type as FrameType, payload };
    }
  }

  /** True when the last frame is incomplete: the peer went away in the middle of one. */
  get truncated(): boolean {
    return this.#pending.length > 0;
  }
}
