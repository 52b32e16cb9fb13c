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

/** Reassembles frames from untrusted chunks cut anywhere, at a cost that does not depend on where they are cut. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Bytes needed before there is anything to look at: a header, or the frame whose header has been seen. */
  #needed = HEADER;

  /** Frames completed by this chunk, in order. Throws RangeError on an unknown type or an over-long frame. */
  *push(untrustedChunk: Uint8Array): Generator<{ type: FrameType; payload: Buffer }> {
    this.#chunks.push(untrustedChunk);
    this.#length += untrustedChunk.length;
    while (this.#length >= this.#needed) {
      const bytes = this.#joined();
      this.#needed = HEADER + checkedLength(bytes);
      if (bytes.length < this.#needed) continue;
      const payload = bytes.subarray(HEADER, this.#needed);
      this.#keep(bytes.subarray(this.#needed));
      yield { type: bytes[0] as FrameType, payload };
    }
  }

  /** True when the last frame is incomplete: the peer went away in the middle of one. */
  get truncated(): boolean {
    return this.#length > 0;
  }

  /** Takes what has come after the last complete frame; the reader then has nothing left. */
  rest(): Buffer {
    const bytes = this.#joined();
    this.#keep(Buffer.alloc(0));
    return bytes;
  }

  #joined(): Buffer {
    const [only] = this.#chunks;
    const bytes =
      this.#chunks.length === 1 && only
        ? Buffer.from(only.buffer, only.byteOffset, only.byteLength)
        : Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [bytes];
    return bytes;
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    this.#needed = HEADER;
  }
}

/** Length of the payload of the frame that begins here. Throws RangeError when the header is none. */
function checkedLength(untrustedHeader: Buffer): number {
  const type = untrustedHeader[0] as number;
  const length = untrustedHeader.readUInt32BE(1);
  if (!KNOWN.has(type)) throw new RangeError(`unknown frame type ${type}`);
  if (length > MAX_FRAME) throw new RangeError(`frame of ${length} bytes; at most ${MAX_FRAME}`);
  return length;
}
