import type { Socket } from 'node:net';
import { MAX_REQUEST, parseRequest } from '../api/contract/request.ts';
import type { Dispatcher } from '../api/dispatcher.ts';
import type { EventHub } from '../api/events.ts';
import type { Qubes } from '../app/qubes.ts';
import { ProtocolError } from '../base/errors.ts';

/** A client has this long to say what it wants, and to take its answer. */
const PATIENCE_MS = 60_000;

const EVENTS = Buffer.from('admin.Events');
const PLUS = 0x2b;
const BLANK = 0x20;

/**
 * Serves the Admin API on connections: one request each, complete when the client ends its side, answered, closed.
 * A request that is too long is refused as soon as that is known.
 */
export class AdminServer {
  readonly #system: Qubes;
  readonly #dispatcher: Dispatcher;
  readonly #events: EventHub;

  constructor(system: Qubes, dispatcher: Dispatcher, events: EventHub) {
    this.#system = system;
    this.#dispatcher = dispatcher;
    this.#events = events;
  }

  serve(socket: Socket): void {
    const chunks: Buffer[] = [];
    let length = 0;
    // A client that breaks off is its own affair: what it asked for runs to its end.
    socket.on('error', () => socket.destroy());
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('data', (chunk) => {
      length += chunk.length;
      if (length <= MAX_REQUEST) chunks.push(chunk);
      else this.#refuseOverlong(socket);
    });
    socket.on('end', () => {
      if (length <= MAX_REQUEST)
        this.#answer(socket, chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
  }

  #answer(socket: Socket, untrustedBytes: Buffer): void {
    if (asksForEvents(untrustedBytes)) this.#stream(socket, untrustedBytes);
    else this.#deliver(socket, this.#dispatcher.answer(untrustedBytes));
  }

  #deliver(socket: Socket, answer: Buffer | Promise<Buffer>): void {
    if (answer instanceof Promise) {
      socket.setTimeout(0); // it takes as long as it takes
      void answer.then((bytes) => this.#finish(socket, bytes));
    } else socket.end(answer);
  }

  #refuseOverlong(socket: Socket): void {
    socket.removeAllListeners('data');
    socket.resume();
    this.#finish(
      socket,
      this.#dispatcher.refusal(new ProtocolError(`The request is longer than ${MAX_REQUEST} bytes`)),
    );
  }

  #finish(socket: Socket, answer: Buffer): void {
    socket.setTimeout(PATIENCE_MS);
    socket.end(answer);
  }

  /** `admin.Events`: the connection stays open until the client goes away. */
  #stream(socket: Socket, untrustedBytes: Buffer): void {
    socket.setTimeout(0);
    try {
      const subscription = this.#subscribe(socket, untrustedBytes);
      socket.on('close', () => subscription[Symbol.dispose]());
    } catch (error) {
      this.#finish(socket, this.#dispatcher.refusal(error));
    }
  }

  #subscribe(socket: Socket, untrustedBytes: Buffer): Disposable {
    const { destination, visible } = this.#dispatcher.check(parseRequest(untrustedBytes));
    const sink = {
      get backlog() {
        return socket.writableLength;
      },
      write: (bytes: Buffer) => void socket.write(bytes),
      drop: () => void socket.destroy(),
    };
    const only = destination === this.#system.adminVM ? undefined : destination;
    return this.#events.subscribe(sink, only, (vm) => visible([vm]).length > 0);
  }
}

function asksForEvents(untrustedBytes: Buffer): boolean {
  const after = untrustedBytes[EVENTS.length];
  return untrustedBytes.subarray(0, EVENTS.length).equals(EVENTS) && (after === PLUS || after === BLANK);
}
