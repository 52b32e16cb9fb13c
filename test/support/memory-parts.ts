/** Parts in memory that a test can make fail or wait, at any step and as often as it likes. */
import type { Log } from '../../src/base/log.ts';
import { MemoryPool } from '../../src/storage/memory/pool.ts';
import type { MemoryTree } from '../../src/storage/memory/tree.ts';
import type { PoolDriver } from '../../src/storage/pool.ts';
import type { Volume } from '../../src/storage/volume.ts';

type Step = (...values: never[]) => Promise<unknown>;

/**
 * Does `hook` at every call of the object's method, until disposed of: what it throws, the method fails with; as
 * long as it waits, the method has not begun. `values` are the call's own.
 */
export function onCall<Part extends object, Name extends keyof Part & string>(
  part: Part,
  name: Name,
  hook: (...values: Part[Name] extends (...all: infer Values) => unknown ? Values : never) => unknown,
): Disposable {
  const method = part[name] as Step;
  const hooked: Step = async (...values) => {
    await (hook as (...values: never[]) => unknown)(...values);
    return method.apply(part, values);
  };
  Object.defineProperty(part, name, { value: hooked, configurable: true, writable: true });
  return {
    [Symbol.dispose]: () => {
      if (part[name] === (hooked as unknown)) Reflect.deleteProperty(part, name);
    },
  };
}

/** A hook that waits: `reached` resolves when somebody is there, `open` lets all pass. */
export function gate(): { reached: Promise<void>; open: () => void; pass: () => Promise<void> } {
  const here = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: here.promise,
    open: opened.resolve,
    pass: () => {
      here.resolve();
      return opened.promise;
    },
  };
}

export function fails(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

type VolumeStep = 'create' | 'remove' | 'start' | 'stop';

/** Pools in memory that outlast the daemons on them, as disks do. */
export class MemoryDisks {
  readonly driver: PoolDriver;
  readonly #pools = new Map<string, MemoryPool>();
  /** Called before each step of a volume; the step fails with what it throws. */
  onStep: (step: VolumeStep, vid: string, pool: string) => unknown = () => undefined;

  constructor() {
    this.driver = {
      name: 'memory',
      parameters: ['colour'],
      open: (name) => {
        const pool = this.#pools.get(name) ?? this.#hooked(new MemoryPool(name));
        this.#pools.set(name, pool);
        return pool;
      },
    };
  }

  /** `POOL:VID` of every volume there is. */
  async volumes(): Promise<string[]> {
    const found: string[] = [];
    for (const [name, pool] of this.#pools) for (const vid of await pool.list()) found.push(`${name}:${vid}`);
    return found.sort();
  }

  /** As when the running domain writes a file. */
  write(vid: string, path: string, content: string): void {
    this.#tree(vid).set(path, { content: Buffer.from(content), mode: 0o644, uid: 0, gid: 0 });
  }

  /** As when it reads one. */
  read(vid: string, path: string): string | undefined {
    return this.#tree(vid).get(path)?.content.toString();
  }

  #tree(vid: string): MemoryTree {
    const [tree] = [...this.#pools.values()].flatMap(
      (pool) => pool.tree({ target: '/', lower: [], upper: `memory:${vid}` }) ?? [],
    );
    if (!tree) throw new Error(`${vid} is not started`);
    return tree;
  }

  #hooked(pool: MemoryPool): MemoryPool {
    const open = pool.volume.bind(pool);
    pool.volume = (config): Volume => {
      const volume = open(config);
      for (const step of ['create', 'remove', 'start', 'stop'] as const)
        onCall(volume, step, () => this.onStep(step, config.vid, pool.name));
      return volume;
    };
    return pool;
  }
}

/** A log that can be read. */
export class LogBook implements Log {
  readonly lines: string[] = [];

  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }
  info(message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(message: string, fields: object = {}): void {
    this.lines.push(`warn ${message} ${told(fields)}`);
  }
  error(message: string, fields: object = {}): void {
    this.lines.push(`error ${message} ${told(fields)}`);
  }

  /** Warnings and errors. */
  get trouble(): string[] {
    return this.lines.filter((line) => line.startsWith('warn') || line.startsWith('error'));
  }
}

function told(fields: object): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value instanceof Error ? value.message : String(value)}`)
    .join(' ');
}
