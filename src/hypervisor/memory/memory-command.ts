import { Duplex } from 'node:stream';
import { printable } from '../../base/errors.ts';
import { encodeFrame, Frame, FrameReader } from '../../base/frames.ts';

/** A command of the memory engine at work. */
export interface MemoryCommand {
  /** The caller's side: frames both ways. */
  readonly stream: Duplex;
  /** Ends it without an exit frame, as when its domain is killed. */
  kill(): void;
}

/** What a command sees of its caller. */
interface Streams {
  write(bytes: Uint8Array | string): void;
  exit(code: number): void;
}

/** Told of each piece of input, and `undefined` at its end. */
type Input = (bytes: Buffer | undefined) => void;
type Builtin = (args: readonly string[], streams: Streams) => Input;

const ignoreInput: Input = () => undefined;

const BUILTINS: Readonly<Record<string, Builtin>> = {
  true: (_, { exit }) => {
    exit(0);
    return ignoreInput;
  },
  false: (_, { exit }) => {
    exit(1);
    return ignoreInput;
  },
  exit: ([code], { exit }) => {
    exit(Number(code ?? 0) & 0xff);
    return ignoreInput;
  },
  echo: (words, { write, exit }) => {
    write(`${words.join(' ')}\n`);
    exit(0);
    return ignoreInput;
  },
  cat:
    (_, { write, exit }) =>
    (bytes) =>
      bytes ? write(bytes) : exit(0),
  sleep: ([seconds], { exit }) => {
    setTimeout(exit, Number(seconds) * 1000, 0).unref();
    return ignoreInput;
  },
};

/** Starts one of the built-in commands: true, false, exit, echo, cat, sleep. Any other is an error frame. */
export function runMemoryCommand(argv: readonly [string, ...string[]]): MemoryCommand {
  const reader = new FrameReader();
  let takeInput: Input = ignoreInput;
  let ended = false;
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => undefined,
    write(untrustedChunk: Buffer, _encoding, done) {
      try {
        for (const { type, payload } of reader.push(untrustedChunk)) {
          if (type === Frame.stdin) takeInput(payload.length > 0 ? payload : undefined);
          if (type === Frame.signal) finish(Frame.exit, exitCode(128 + (payload[0] ?? 0)));
        }
        done();
      } catch (thrown) {
        done(thrown as Error);
      }
    },
  });
  function finish(type: typeof Frame.exit | typeof Frame.error, payload: Uint8Array): void {
    if (ended || stream.destroyed) return;
    ended = true;
    stream.push(encodeFrame(type, payload));
    stream.push(null);
  }
  stream.once('end', () => stream.end());
  const builtin = Object.hasOwn(BUILTINS, argv[0]) ? BUILTINS[argv[0]] : undefined;
  if (builtin)
    takeInput = builtin(argv.slice(1), {
      write: (bytes) =>
        ended || stream.destroyed || stream.push(encodeFrame(Frame.stdout, Buffer.from(bytes))),
      exit: (code) => finish(Frame.exit, exitCode(code)),
    });
  else
    finish(
      Frame.error,
      Buffer.from(`QubesValueError\0command not found in the domain: '${printable(argv[0])}'`),
    );
  return { stream, kill: () => stream.destroy() };
}

function exitCode(code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return payload;
}
