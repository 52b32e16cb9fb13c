import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type CommandWish, consoleOf, parseWish, resolveTarget } from '../api/exec.ts';
import type { Qubes } from '../app/qubes.ts';
import { ProtocolError, QubesException } from '../base/errors.ts';
import { encodeFrame, Frame, FrameReader, MAX_FRAME } from '../base/frames.ts';

/** A client has this long to send its request. */
const PATIENCE_MS = 60_000;
/** How often it is looked whether a client is still there whose input the command does not take. */
const PROBE_MS = 1000;
const NOTHING = Buffer.alloc(0);

/**
 * Serves `exec.sock`: a connection carries one command's frames (`base/frames`). The first is the request; then the
 * client's frames go to the command and the command's to the client, unread. When either side goes, the other ends.
 */
export class ExecServer {
  readonly #system: Qubes;

  constructor(system: Qubes) {
    this.#system = system;
  }

  serve(socket: Socket): void {
    const reader = new RequestReader();
    socket.on('error', () => socket.destroy());
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    const onEnd = () =>
      this.#refuse(socket, new ProtocolError('The connection ended before the request did'));
    socket.once('end', onEnd);
    socket.on('data', (chunk) => {
      try {
        const request = reader.push(chunk);
        if (!request) return;
        socket.removeAllListeners('data').off('end', onEnd);
        socket.pause();
        socket.setTimeout(0);
        if (request.rest.length > 0) socket.unshift(request.rest);
        void this.#run(socket, request.untrustedText);
      } catch (error) {
        this.#refuse(socket, error);
      }
    });
  }

  async #run(socket: Socket, untrustedText: string): Promise<void> {
    try {
      const wish = parseWish(untrustedText);
      if (wish.kind === 'command') await this.#runCommand(socket, wish);
      else await joinConsole(socket, await consoleOf(this.#system, wish.target));
    } catch (error) {
      this.#refuse(socket, error);
    }
  }

  async #runCommand(socket: Socket, { target, autostart, request }: CommandWish): Promise<void> {
    const { vm, release } = await resolveTarget(this.#system, target, autostart);
    try {
      // Its client may have lost patience while the domain was started.
      if (hasGone(socket)) socket.end();
      else await join(socket, await vm.exec(request));
    } finally {
      // The caller has its output; clearing up is not its affair.
      void release();
    }
  }

  #refuse(socket: Socket, error: unknown): void {
    socket.removeAllListeners('data');
    const known = error instanceof QubesException || error instanceof RangeError;
    if (!known) this.#system.log.error('a command failed for a reason of ours', { error });
    const type =
      error instanceof QubesException ? error.name : known ? ProtocolError.name : QubesException.name;
    const message = known ? error.message : 'Internal error; the daemon has logged it';
    socket.resume();
    socket.end(encodeFrame(Frame.error, Buffer.from(`${type}\0${message}`).subarray(0, MAX_FRAME)));
  }
}

/** Takes the first frame off the stream and gives back what came after it. */
class RequestReader {
  readonly #frames = new FrameReader();

  /** Throws ProtocolError or RangeError when the first frame is no request. */
  push(untrustedChunk: Buffer): { untrustedText: string; rest: Buffer } | undefined {
    const first = this.#frames.push(untrustedChunk).next();
    if (first.done) return undefined;
    if (first.value.type !== Frame.request) throw new ProtocolError('The first frame must be a request');
    return { untrustedText: first.value.payload.toString('utf8'), rest: this.#frames.rest() };
  }
}

/** Carries frames both ways. Resolves when the command's side has ended, or the client has gone. */
function join(socket: Socket, stream: Duplex): Promise<void> {
  const ended = endTogether(socket, stream);
  stream.pipe(socket, { end: false });
  socket.pipe(stream, { end: false });
  return ended;
}

/** A console is bytes: they go to the client as output, and its input comes as bytes. */
function joinConsole(socket: Socket, stream: Duplex): Promise<void> {
  const ended = endTogether(socket, stream);
  const frames = new FrameReader();
  stream.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += MAX_FRAME)
      if (!socket.write(encodeFrame(Frame.stdout, bytes.subarray(at, at + MAX_FRAME)))) stream.pause();
  });
  socket.on('drain', () => stream.resume());
  stream.on('end', () => socket.end(encodeFrame(Frame.exit, Buffer.alloc(4))));
  socket.on('data', (chunk) => {
    try {
      for (const { type, payload } of frames.push(chunk))
        if (type === Frame.stdin && payload.length > 0) stream.write(payload);
    } catch {
      socket.destroy();
    }
  });
  socket.resume();
  return ended;
}

/**
 * Resolves when the command's stream is closed; the client's connection then ends after what it has still to be sent.
 * A client that ends its side has gone, as far as can be told: the end of a command's input has a frame of its own.
 */
function endTogether(socket: Socket, stream: Duplex): Promise<void> {
  const clientGone = () => stream.destroy();
  socket.once('end', clientGone).once('close', clientGone);
  if (hasGone(socket)) clientGone();
  stream.on('error', () => socket.destroy());
  const probing = setInterval(() => probe(socket), PROBE_MS);
  return new Promise((resolve) => {
    stream.once('close', () => {
      clearInterval(probing);
      socket.end();
      resolve();
    });
  });
}

/**
 * While its input waits, a connection is not read, and so does not tell that its client has gone. Writing does, even
 * no bytes at all: the kernel refuses, and the socket is destroyed.
 */
function probe(socket: Socket): void {
  if (socket.isPaused() && !socket.writableNeedDrain) socket.write(NOTHING);
}

/** Has the client ended its side, or broken off? */
function hasGone(socket: Socket): boolean {
  return socket.readableEnded || socket.destroyed;
}
