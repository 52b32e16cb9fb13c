import type { Qubes } from '../app/qubes.ts';
import { BaseVM } from '../vm/base-vm.ts';
import type { Filter } from './call.ts';
import { encodeEvent } from './contract/reply.ts';

/** Where a subscriber's events go. The server wraps a connection as one. */
export interface Sink {
  /** Bytes accepted and not yet taken by the other side. */
  readonly backlog: number;
  write(bytes: Buffer): void;
  /** Ends the connection at once: a subscriber that cannot keep up must not be given a stream with a gap. */
  drop(): void;
}

/** Most bytes that may wait for a subscriber that does not read. */
const MAX_BACKLOG = 1 << 20;

interface Subscriber {
  readonly sink: Sink;
  /** Only events of this domain; all when undefined. */
  readonly only: BaseVM | undefined;
  readonly sees: Filter;
}

/**
 * Tells every subscriber of `admin.Events` what happens. An event is encoded once, whoever listens. It is sent after
 * the change it tells of is durable; announcements of something about to happen (`domain-pre-start`) are sent as
 * such, while questions whether a value may change (`property-pre-set`) are not sent: nothing has happened yet.
 */
export class EventHub {
  readonly #system: Qubes;
  readonly #subscribers = new Set<Subscriber>();
  /** Only while somebody subscribes: who listens to everything makes every event cost something. */
  #hearing: Disposable | undefined;

  constructor(system: Qubes) {
    this.#system = system;
  }

  /** Sends `connection-established`, then events, until disposed of. */
  subscribe(sink: Sink, only: BaseVM | undefined, sees: Filter): Disposable {
    const subscriber = { sink, only, sees };
    sink.write(encodeEvent('', 'connection-established', []));
    this.#subscribers.add(subscriber);
    this.#hearing ??= this.#system.events.on('*', (subject, event, values) => {
      if (isPublic(event)) this.#tell(subject, event, values);
    });
    return { [Symbol.dispose]: () => this.#end(subscriber) };
  }

  #end(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    if (this.#subscribers.size > 0) return;
    this.#hearing?.[Symbol.dispose]();
    this.#hearing = undefined;
  }

  #tell(subject: BaseVM | null, event: string, values: Readonly<Record<string, unknown>>): void {
    let bytes: Buffer | undefined;
    // Who may not see a domain does not hear of its coming and going, which is told of the system.
    const involved = [subject, values['vm']].filter((vm) => vm instanceof BaseVM);
    for (const subscriber of this.#subscribers) {
      if (subscriber.only && subscriber.only !== subject) continue;
      if (!involved.every((vm) => subscriber.sees(vm))) continue;
      bytes ??= encodeEvent(
        subject?.name ?? '',
        event,
        Object.entries(values).map(([key, value]) => [key, text(value)] as const),
      );
      this.#send(subscriber, bytes);
    }
  }

  #send(subscriber: Subscriber, bytes: Buffer): void {
    if (subscriber.sink.backlog > MAX_BACKLOG) {
      this.#end(subscriber);
      subscriber.sink.drop();
    } else subscriber.sink.write(bytes);
  }
}

const PRIVATE = ['admin-permission:', 'device-get:', 'device-list:', 'device-list-attached:'];

function isPublic(event: string): boolean {
  // What follows the colon (a tag, a feature) may hold anything.
  const [kind = ''] = event.split(':', 1);
  if (kind.includes('-pre-') && !kind.startsWith('domain-pre-')) return false;
  return !PRIVATE.some((prefix) => event.startsWith(prefix));
}

/** A value as clients of Qubes' daemon expect to read it. */
function text(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'object' && 'name' in value) return String(value.name);
  return String(value);
}
