import { closeSync, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { messageOf, QubesVMNotRunningError } from '../../base/errors.ts';
import { encodeFrame, Frame, FrameReader } from '../../base/frames.ts';
import type { ExecRequest } from '../hypervisor.ts';
import { encodeAgentRequest } from './agent-request.ts';
import { listenUnix } from './kernel.ts';

const O_PATH = 0o10000000;
const BACKLOG = 128;
const SIGTERM = 15;

/**
 * The host's end of an agent: a unix socket in the domain's run directory. The container gets it as an open
 * descriptor; there is nothing of it inside to find or replace.
 */
export class AgentLink implements AsyncDisposable {
  readonly #directory: FileHandle;
  /** Through the directory's descriptor, for a socket's path may have only 107 bytes. */
  readonly #path: string;

  private constructor(directory: FileHandle, name: string) {
    this.#directory = directory;
    this.#path = `/proc/self/fd/${directory.fd}/${name}`;
  }

  static async at(path: string): Promise<AgentLink> {
    return new AgentLink(await open(dirname(path), O_PATH | constants.O_DIRECTORY), basename(path));
  }

  /** Makes the socket. The descriptor is for the container; the host's is closed when disposed. */
  listen(): Disposable & { readonly fd: number } {
    const fd = listenUnix(this.#path, BACKLOG);
    return { fd, [Symbol.dispose]: () => closeSync(fd) };
  }

  /** A connection on which the agent is asked to run a command. It carries the command's frames. */
  async exec(request: ExecRequest): Promise<Socket> {
    const payload = encodeAgentRequest(request);
    const socket = await this.#connect();
    socket.on('error', () => undefined); // `close` follows; whoever wants to know more listens too
    socket.once('end', () => socket.end());
    socket.write(encodeFrame(Frame.request, payload));
    return socket;
  }

  /**
   * A connection that the agent answers once it is ready, and that closes when the agent ends. Rejects when it does
   * not answer within `deadline` milliseconds.
   */
  async watch(deadline: number): Promise<Watch> {
    const socket = await this.#connect();
    try {
      socket.write(encodeFrame(Frame.request));
      await firstFrame(socket, deadline);
      return new Watch(socket);
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
  }

  #connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path: this.#path, allowHalfOpen: true });
      const refuse = (error: Error) =>
        reject(new QubesVMNotRunningError(`the domain's agent does not answer: ${messageOf(error)}`));
      socket.once('error', refuse);
      socket.once('connect', () => {
        socket.off('error', refuse);
        resolve(socket);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory.close();
  }
}

/** Tells of the agent's end, and so of its domain's. */
export class Watch implements Disposable {
  readonly #socket: Socket;
  #ended: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined); // `close` follows
    socket.on('data', () => undefined);
    socket.once('end', () => socket.destroy());
    socket.once('close', () => this.#ended?.());
  }

  /** Calls `listener` once the agent is gone; at once if it is. Not after this is disposed. */
  onEnded(listener: () => void): void {
    this.#ended = listener;
    if (this.#socket.closed) queueMicrotask(() => this.#ended?.());
  }

  /** Asks for an orderly stop of everything in the domain. */
  requestStop(): void {
    this.#socket.write(encodeFrame(Frame.signal, Uint8Array.of(SIGTERM)));
  }

  [Symbol.dispose](): void {
    this.#ended = undefined;
    this.#socket.destroy();
  }
}

function firstFrame(socket: Socket, deadline: number): Promise<void> {
  const reader = new FrameReader();
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new QubesVMNotRunningError(`the domain's agent ${why}`));
    };
    const timer = setTimeout(() => fail(`did not answer within ${deadline} ms`), deadline);
    socket.once('close', () => fail('ended before it was ready'));
    socket.once('end', () => fail('ended before it was ready'));
    socket.once('error', (error) => fail(`does not answer: ${messageOf(error)}`));
    socket.on('data', function onData(untrustedChunk: Buffer) {
      const answer = firstType(reader, untrustedChunk);
      if (answer === undefined) return;
      socket.off('data', onData);
      if (answer !== Frame.exit) return fail('answered something else than that it is ready');
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The type of the first whole frame, -1 for what is none, undefined when more has to come. */
function firstType(reader: FrameReader, untrustedChunk: Buffer): number | undefined {
  try {
    for (const frame of reader.push(untrustedChunk)) return frame.type;
    return undefined;
  } catch {
    return -1;
  }
}
