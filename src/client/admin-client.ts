import { printable, QubesValueError } from '../base/errors.ts';
import { exchange, openSocket } from './connection.ts';
import { DomainClient } from './domain-client.ts';
import { PropertiesClient } from './properties-client.ts';
import { systemPathOf } from './socket-path.ts';
import { decodeReply, EventReader, encodeRequest, type WireEvent } from './wire.ts';

/** A domain as `admin.vm.List` answers it. */
export interface ListedDomain {
  readonly name: string;
  readonly class: string;
  readonly state: string;
  readonly uuid: string;
}

/** What `describe` answers of a property. */
export interface DescribedProperty {
  readonly value: string;
  readonly default: boolean;
  readonly type: string;
}

/** A domain with what was asked of it. */
export interface DescribedDomain extends ListedDomain {
  readonly properties: Readonly<Record<string, DescribedProperty>>;
  readonly features?: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
  /** Why its record could not be read; it can be looked at and removed, nothing else. */
  readonly broken?: string;
}

/** What to create, as `qvm-create` takes it. */
export interface NewDomain {
  readonly class: string;
  readonly name: string;
  readonly label: string;
  readonly template?: string;
  /** One pool for all volumes, or a pool for some. */
  readonly pool?: string;
  readonly pools?: Readonly<Record<string, string>>;
}

export interface AdminClientOptions {
  /** The daemon's `qubesd.sock`; else the one of this environment. */
  readonly socket?: string;
  /** On whose behalf; the daemon believes it only from those it may. */
  readonly source?: string;
}

/**
 * The Admin API of a running daemon. Every method is one request on a connection of its own, so calls may run side
 * by side. Errors are the daemon's, as the classes of `base/errors`; DaemonNotRunningError when nobody answers.
 * There is no deadline: a start takes as long as it takes. Whoever needs one uses `Promise.race`.
 */
export class AdminClient {
  readonly socket: string;
  readonly #source: string;
  /** The properties of the system itself. */
  readonly properties: PropertiesClient;

  constructor(options: AdminClientOptions = {}) {
    this.socket = options.socket ?? systemPathOf('admin');
    this.#source = options.source ?? 'dom0';
    this.properties = new PropertiesClient(this, 'admin.property.', 'dom0');
  }

  /** One request, as raw as the protocol: the answer's bytes. */
  async call(method: string, dest = 'dom0', arg = '', payload: string | Uint8Array = ''): Promise<Buffer> {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    const request = encodeRequest({ source: this.#source, dest, method, arg, payload: bytes });
    return decodeReply(await exchange(this.socket, request));
  }

  /** As {@link call}, the answer as text. */
  async text(method: string, dest?: string, arg?: string, payload?: string | Uint8Array): Promise<string> {
    return (await this.call(method, dest, arg, payload)).toString('utf8');
  }

  /** As {@link call}, the answer's lines. */
  async lines(method: string, dest?: string, arg?: string): Promise<string[]> {
    return (await this.text(method, dest, arg)).split('\n').filter((line) => line !== '');
  }

  /**
   * Events of the whole system, or of one domain, from `connection-established` on. Read at the caller's pace: who
   * reads too slowly is disconnected by the daemon. Ends when the daemon does; breaking off ends the subscription.
   */
  async *events(dest = 'dom0', signal?: AbortSignal): AsyncGenerator<WireEvent> {
    const socket = await openSocket(this.socket);
    const stop = () => socket.destroy();
    signal?.addEventListener('abort', stop);
    const method = 'admin.Events';
    try {
      socket.end(encodeRequest({ source: this.#source, dest, method, arg: '', payload: Buffer.alloc(0) }));
      const reader = new EventReader();
      for await (const chunk of socket) yield* reader.push(chunk);
      reader.end();
    } catch (error) {
      if (!signal?.aborted) throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      socket.destroy();
    }
  }

  /** Everything one can ask of one domain. Asks nothing yet, not even whether it exists. */
  domain(name: string): DomainClient {
    return new DomainClient(this, name);
  }

  async list(): Promise<ListedDomain[]> {
    return (await this.lines('admin.vm.List')).map(parseListed);
  }

  /**
   * Every domain with the named properties (all, when none are named), in one round trip. Beyond Qubes:
   * `bulkhead.vm.GetAll`.
   */
  async describe(want: {
    readonly properties?: readonly string[];
    readonly features?: boolean;
    readonly tags?: boolean;
  }): Promise<DescribedDomain[]> {
    return JSON.parse(await this.text('bulkhead.vm.GetAll', 'dom0', '', JSON.stringify(want)));
  }

  async create(domain: NewDomain): Promise<DomainClient> {
    for (const name of [domain.name, domain.label]) mustBeOneWord(name);
    if (domain.template) mustBeOneWord(domain.template);
    const words = [`name=${domain.name}`, `label=${domain.label}`];
    if (domain.pool) words.push(`pool=${domain.pool}`);
    for (const [volume, pool] of Object.entries(domain.pools ?? {}).sort())
      words.push(`pool:${volume}=${pool}`);
    const method = words.length > 2 ? 'admin.vm.CreateInPool.' : 'admin.vm.Create.';
    await this.call(method + domain.class, 'dom0', domain.template ?? '', words.join(' '));
    return this.domain(domain.name);
  }

  /** A new disposable made from `base` (the system's default when not given), not yet started. Its name. */
  createDisposable(base = 'dom0'): Promise<string> {
    return this.text('admin.vm.CreateDisposable', base);
  }

  labels(): Promise<string[]> {
    return this.lines('admin.label.List');
  }

  classes(): Promise<string[]> {
    return this.lines('admin.vmclass.List');
  }

  pools(): Promise<string[]> {
    return this.lines('admin.pool.List');
  }
}

/** Names travel as words of a line: what would be none, or two, is refused before it changes what the others mean. */
function mustBeOneWord(name: string): void {
  if (!/^[!-~]+$/.test(name))
    throw new QubesValueError(
      `'${printable(name)}' is not a name: it is empty, or has blanks or letters not allowed`,
    );
}

/** `work class=AppVM state=Halted uuid=...`; further `key=value` words are ignored. */
function parseListed(line: string): ListedDomain {
  const [name = '', ...words] = line.split(' ');
  const fields = new Map(words.map((word) => word.split('=', 2) as [string, string]));
  return {
    name,
    class: fields.get('class') ?? '',
    state: fields.get('state') ?? '',
    uuid: fields.get('uuid') ?? '',
  };
}
