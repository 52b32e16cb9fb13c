import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { ProtocolError, printable } from '../base/errors.ts';
import { encodeFrame, Frame, FrameReader, type FrameType, MAX_FRAME } from '../base/frames.ts';
import { openSocket } from './connection.ts';
import { rebuildException } from './exception.ts';
import { systemPathOf } from './socket-path.ts';

/** A command to run, or a console to attach to, as the daemon's `exec.sock` takes it. */
export interface ExecRequest {
  /** A domain, `@dispvm` (a new disposable) or `@dispvm:BASE`. */
  readonly domain: string;
  readonly command?: readonly string[];
  /** Instead of a command: the domain's console. */
  readonly console?: true;
  /** The domain's `default_user` when not given. */
  readonly user?: string;
  readonly terminal?: { readonly rows: number; readonly columns: number; readonly type: string };
  /** Start the domain when it is halted; the daemon does unless this is false. */
  readonly autostart?: boolean;
}

/** Where a running command's streams go. */
export interface ExecStreams {
  /** Its input, until the end; without it the command reads end of file at once. */
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
}

/**
 * A command running in a domain. Nothing is buffered without limit: reading stops while an output is full, and
 * `stdin` is not read faster than the command takes it. Closing ends the command, and its disposable.
 */
export class Execution {
  readonly #socket: Socket;
  readonly #left = Promise.withResolvers<number>();
  /** 0–255, or 128 + N when signal N ended the command. Rejects with the daemon's error, or a stream's own. */
  readonly exitCode: Promise<number>;
  /** Resolves after that, when nothing of the command is left: a disposable made for it has been removed. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket, request: ExecRequest, streams: ExecStreams) {
    this.#socket = socket;
    this.#send(Frame.request, Buffer.from(JSON.stringify(request)));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    this.exitCode = Promise.race([this.#receive(streams), this.#left.promise]).then(
      (code) => {
        if (socket.readableEnded) socket.destroy();
        else socket.once('end', () => socket.destroy()).resume();
        return code;
      },
      (error: unknown) => {
        socket.destroy();
        throw error;
      },
    );
    this.#forwardInput(streams.stdin);
  }

  /** Throws DaemonNotRunningError; that the domain exists shows later, in `exitCode`. */
  static async begin(
    request: ExecRequest,
    streams: ExecStreams,
    socketPath = systemPathOf('exec'),
  ): Promise<Execution> {
    return new Execution(await openSocket(socketPath), request, streams);
  }

  resize(rows: number, columns: number): void {
    const size = Buffer.alloc(4);
    size.writeUInt16BE(rows, 0);
    size.writeUInt16BE(columns, 2);
    this.#send(Frame.resize, size);
  }

  signal(number: number): void {
    this.#send(Frame.signal, Buffer.from([number]));
  }

  /** Ends the command by going away. Unless it was already known, `exitCode` is the code given; without one it rejects. */
  close(exitCode?: number): void {
    if (exitCode !== undefined) this.#left.resolve(exitCode);
    this.#socket.destroy();
  }

  /** False when the socket is full. */
  #send(type: FrameType, payload: Uint8Array): boolean {
    return !this.#socket.writable || this.#socket.write(encodeFrame(type, payload));
  }

  #forwardInput(stdin: Readable | undefined): void {
    const endOfInput = () => this.#send(Frame.stdin, Buffer.alloc(0));
    if (!stdin) {
      endOfInput();
      return;
    }
    const forward = (chunk: Buffer) => {
      let room = true;
      for (let at = 0; at < chunk.length; at += MAX_FRAME)
        room = this.#send(Frame.stdin, chunk.subarray(at, at + MAX_FRAME));
      if (!room) stdin.pause();
    };
    const goOn = () => stdin.resume();
    stdin.on('data', forward).once('end', endOfInput).once('error', endOfInput);
    this.#socket.on('drain', goOn).once('close', () => {
      stdin.off('data', forward).off('end', endOfInput).pause();
    });
  }

  async #receive({ stdout, stderr }: ExecStreams): Promise<number> {
    const reader = new FrameReader();
    const failed = [stdout, stderr].map((stream) => failureOf(stream));
    const read = async () => {
      for await (const untrustedChunk of this.#socket.iterator({ destroyOnReturn: false })) {
        for (const { type, payload } of reader.push(untrustedChunk)) {
          if (type === Frame.stdout) await deliver(stdout, payload);
          else if (type === Frame.stderr) await deliver(stderr, payload);
          else if (type === Frame.exit) return payload.readInt32BE(0);
          else if (type === Frame.error) throw errorIn(payload);
          else throw new ProtocolError(`the daemon sent a frame of type ${type}, which only clients send`);
        }
      }
      throw new ProtocolError('the daemon closed the connection before the command ended');
    };
    return Promise.race([read(), ...failed]);
  }
}

/** `TYPE NUL MESSAGE`. */
function errorIn(payload: Buffer): Error {
  const text = payload.toString('utf8');
  const at = text.indexOf('\0');
  return at < 0
    ? new ProtocolError(printable(text))
    : rebuildException(text.slice(0, at), text.slice(at + 1));
}

/** Writes and, when the stream is full, waits for room. An empty payload is end of file, which outputs outlive. */
function deliver(stream: Writable | undefined, payload: Buffer): Promise<void> | undefined {
  if (!stream || payload.length === 0 || stream.write(payload)) return undefined;
  return new Promise((resolve) => stream.once('drain', resolve));
}

/** Rejects when the stream breaks (the reader of a pipe went away); else never settles. */
function failureOf(stream: Writable | undefined): Promise<never> {
  return new Promise((_, reject) => stream?.once('error', reject));
}
