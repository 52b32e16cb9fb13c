/** Values that travel with an event, by the names the protocol gives them. */
export type EventArguments = Readonly<Record<string, unknown>>;

/** Called with who the event is about, its name, and its values. */
export type EventHandler<Subject> = (
  subject: Subject,
  event: string,
  values: EventArguments,
) => void | Promise<void>;

/**
 * Handlers by event name. A handler asked for `domain-feature-set:*` hears every event that begins with
 * `domain-feature-set:`; one asked for `*` hears all.
 */
export class Emitter<Subject> {
  readonly #exact = new Map<string, Set<EventHandler<Subject>>>();
  readonly #prefix = new Map<string, Set<EventHandler<Subject>>>();
  readonly #onFailure: (event: string, error: unknown) => void;

  /** `onFailure` is told when a handler of something that already happened throws. */
  constructor(onFailure: (event: string, error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Registers a handler; disposing of what it returns takes it out again. */
  on(event: string, handler: EventHandler<Subject>): Disposable {
    const [table, key] = event.endsWith('*') ? [this.#prefix, event.slice(0, -1)] : [this.#exact, event];
    const handlers = table.get(key) ?? new Set();
    table.set(key, handlers.add(handler));
    return {
      [Symbol.dispose]: () => {
        handlers.delete(handler);
        // Others may have come under this name since; a second disposal must not take them out.
        if (handlers.size === 0 && table.get(key) === handlers) table.delete(key);
      },
    };
  }

  /** Does anybody listen? Lets a hot path skip making the values. */
  has(event: string): boolean {
    return this.#exact.has(event) || [...this.#prefix.keys()].some((prefix) => event.startsWith(prefix));
  }

  /** Tells of something that has happened. Handlers can't undo it: what they throw is reported and dropped. */
  announce(subject: Subject, event: string, values: EventArguments = {}): void {
    for (const handler of this.#handlers(event)) {
      try {
        const pending = handler(subject, event, values);
        if (pending) pending.catch((error: unknown) => this.#onFailure(event, error));
      } catch (error) {
        this.#onFailure(event, error);
      }
    }
  }

  /** Asks before something happens; a handler forbids it by throwing. For changes that are made at once. */
  ask(subject: Subject, event: string, values: EventArguments = {}): void {
    for (const handler of this.#handlers(event)) {
      const pending = handler(subject, event, values);
      // Waiting is not possible here; a veto that comes too late would be a lie, so say so loudly.
      if (pending) pending.catch((error: unknown) => this.#onFailure(event, error));
    }
  }

  /** The same for what takes time: every handler has agreed when it resolves. */
  async askAll(subject: Subject, event: string, values: EventArguments = {}): Promise<void> {
    for (const handler of this.#handlers(event)) await handler(subject, event, values);
  }

  #handlers(event: string): EventHandler<Subject>[] {
    const found = [...(this.#exact.get(event) ?? [])];
    for (const [prefix, handlers] of this.#prefix) if (event.startsWith(prefix)) found.push(...handlers);
    return found;
  }
}
