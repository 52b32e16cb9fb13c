import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { encodeFrame, Frame, FrameReader, type FrameType } from '../../../src/base/frames.ts';
import type { ExecRequest } from '../../../src/client/exec.ts';

/**
 * A daemon of a few scripted answers on real unix sockets, so that clients and tools are tested over the wire without
 * a system behind them.
 */

export interface SeenRequest {
  readonly method: string;
  readonly arg: string;
  readonly source: string;
  readonly dest: string;
  readonly payload: string;
}

/** The text of an answer; a FakeRefusal becomes an exception, a Buffer is sent as it is. */
export type Answer = (
  request: SeenRequest,
) => string | Buffer | FakeRefusal | Promise<string | Buffer | FakeRefusal>;

export class FakeRefusal {
  readonly bytes: Buffer;
  constructor(className: string, message: string) {
    this.bytes = Buffer.from(`2\0${className}\0\0${message}\0`);
  }
}

/** One command on `exec.sock`, as its server sees it. */
export class FakeExecution {
  readonly request: ExecRequest;
  readonly socket: Socket;
  /** Everything the client sent so far, `stdin` payloads and others, in order. */
  readonly frames: { type: FrameType; payload: Buffer }[] = [];
  constructor(request: ExecRequest, socket: Socket) {
    this.request = request;
    this.socket = socket;
  }
  send(type: FrameType, payload: string | Buffer = ''): boolean {
    return this.socket.write(encodeFrame(type, Buffer.from(payload as string)));
  }
  exit(code: number): void {
    const payload = Buffer.alloc(4);
    payload.writeInt32BE(code);
    this.socket.end(encodeFrame(Frame.exit, payload));
  }
  fail(className: string, message: string): void {
    this.socket.end(encodeFrame(Frame.error, Buffer.from(`${className}\0${message}`)));
  }
  /** Resolves to all input once the client has ended it. */
  async input(): Promise<Buffer> {
    for (;;) {
      const end = this.frames.findIndex(({ type, payload }) => type === Frame.stdin && payload.length === 0);
      if (end >= 0)
        return Buffer.concat(
          this.frames.filter(({ type }) => type === Frame.stdin).map(({ payload }) => payload),
        );
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

export interface FakeDaemon extends AsyncDisposable {
  /** A run directory: set BULKHEAD_RUN to it. */
  readonly run: string;
  readonly socket: string;
  readonly execSocket: string;
  readonly requests: SeenRequest[];
  readonly executions: FakeExecution[];
}

export async function fakeDaemon(
  answers: Readonly<Record<string, Answer>>,
  onExec: (execution: FakeExecution) => void = (execution) => execution.exit(0),
): Promise<FakeDaemon> {
  const run = mkdtempSync(join(tmpdir(), 'bulkhead-fake-'));
  const requests: SeenRequest[] = [];
  const executions: FakeExecution[] = [];
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  };
  const admin = createServer({ allowHalfOpen: true }, async (socket) => {
    track(socket);
    const request = parseRequest(await buffer(socket));
    requests.push(request);
    const answer =
      answers[request.method] ??
      (() => new FakeRefusal('ProtocolError', `no such method: '${request.method}'`));
    const result = await answer(request);
    if (result instanceof FakeRefusal) socket.end(result.bytes);
    else socket.end(typeof result === 'string' ? `0\0${result}` : result);
  });
  const exec = createServer((socket) => {
    track(socket);
    serveExec(socket, (execution) => {
      executions.push(execution);
      onExec(execution);
    });
  });
  const [socket, execSocket] = [join(run, 'qubesd.sock'), join(run, 'exec.sock')];
  await Promise.all([listen(admin, socket), listen(exec, execSocket)]);
  return {
    run,
    socket,
    execSocket,
    requests,
    executions,
    async [Symbol.asyncDispose]() {
      for (const open of sockets) open.destroy();
      await Promise.all([admin, exec].map((server) => new Promise((resolve) => server.close(resolve))));
      rmSync(run, { recursive: true });
    },
  };
}

function parseRequest(bytes: Buffer): SeenRequest {
  const end = bytes.indexOf(0);
  const [call = '', source = '', , dest = ''] = bytes.toString('utf8', 0, end).split(' ');
  const plus = call.indexOf('+');
  return {
    method: call.slice(0, plus),
    arg: call.slice(plus + 1),
    source,
    dest,
    payload: bytes.toString('utf8', end + 1),
  };
}

function serveExec(socket: Socket, onExec: (execution: FakeExecution) => void): void {
  const reader = new FrameReader();
  let execution: FakeExecution | undefined;
  socket.on('data', (chunk) => {
    for (const { type, payload } of reader.push(chunk)) {
      if (execution) execution.frames.push({ type, payload: Buffer.from(payload) });
      else {
        execution = new FakeExecution(JSON.parse(payload.toString()), socket);
        onExec(execution);
      }
    }
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => server.once('error', reject).listen(path, resolve));
}
