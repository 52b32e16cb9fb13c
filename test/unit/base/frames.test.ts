import { expect, test } from 'vitest';
import { encodeFrame, Frame, FrameReader, MAX_FRAME } from '../../../src/base/frames.ts';

const messages = [
  { type: Frame.request, payload: Buffer.from('{"argv":["id"]}') },
  { type: Frame.stdin, payload: Buffer.from('héllo\0') },
  { type: Frame.stdin, payload: Buffer.alloc(0) },
  { type: Frame.stdout, payload: Buffer.alloc(MAX_FRAME, 7) },
  { type: Frame.exit, payload: Buffer.from([0, 0, 0, 3]) },
];
const stream = Buffer.concat(messages.map(({ type, payload }) => encodeFrame(type, payload)));

/** Comparing large buffers byte by byte is slow; text is not. */
function readable({ type, payload }: { type: number; payload: Buffer }): { type: number; payload: string } {
  return { type, payload: payload.toString('latin1') };
}

/** All frames of the stream when it arrives in pieces of `size` bytes. */
function readInPieces(size: number): ReturnType<typeof readable>[] {
  const reader = new FrameReader();
  const frames = [];
  for (let at = 0; at < stream.length; at += size)
    for (const frame of reader.push(stream.subarray(at, at + size))) frames.push(readable(frame));
  expect(reader.truncated).toBe(false);
  return frames;
}

test('a frame is type, length and payload', () => {
  expect(encodeFrame(Frame.stdout, Buffer.from('hi'))).toEqual(Buffer.from([0x11, 0, 0, 0, 2, 0x68, 0x69]));
  expect(encodeFrame(Frame.stdin)).toEqual(Buffer.from([0, 0, 0, 0, 0]));
});

test.each([1, 2, 3, 4, 5, 6, 7, 11, 4096, 65_541, stream.length])(
  'frames come out whole when the stream is cut every %i bytes',
  (size) => expect(readInPieces(size)).toEqual(messages.map(readable)),
);

test('a reader knows when it was left in the middle of a frame', () => {
  for (const length of [1, 4, 5, 9]) {
    const reader = new FrameReader();
    expect([...reader.push(stream.subarray(0, length))]).toEqual([]);
    expect(reader.truncated).toBe(true);
  }
});

test('a chunk that is a window on a larger buffer is read as that window', () => {
  const frame = encodeFrame(Frame.stderr, Buffer.from('x'));
  const large = new Uint8Array(100).fill(0xff);
  large.set(frame, 50);
  const frames = [...new FrameReader().push(large.subarray(50, 50 + frame.length))];
  expect(frames).toEqual([{ type: Frame.stderr, payload: Buffer.from('x') }]);
});

test('a payload over the limit is not encoded', () => {
  expect(() => encodeFrame(Frame.stdin, Buffer.alloc(MAX_FRAME + 1))).toThrow(
    new RangeError('frame of 65537 bytes; at most 65536'),
  );
});

test('an unknown type is refused as soon as its header is there', () => {
  expect(() => [...new FrameReader().push(Buffer.from([0x77, 0, 0, 0, 0]))]).toThrow(
    new RangeError('unknown frame type 119'),
  );
});

test('a frame that announces too much is refused before any of it is kept', () => {
  expect(() => [...new FrameReader().push(Buffer.from([0x11, 0, 1, 0, 1]))]).toThrow(
    new RangeError('frame of 65537 bytes; at most 65536'),
  );
});
