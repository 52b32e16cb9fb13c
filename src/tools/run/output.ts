import { Writable } from 'node:stream';
import type { Output } from '../context.ts';
import { EscapeFilter } from './escape-filter.ts';
import { LinePrefix } from './line-prefix.ts';

/** What is done to a domain's output on its way to the user. */
export interface Decoration {
  /** Replace what could control a terminal. */
  readonly filter: boolean;
  /** Parameters of an ANSI colour, `31`; none: as it is. */
  readonly colour?: string | undefined;
  /** Before every line. */
  readonly prefix?: string | undefined;
}

/** A stream that decorates what it is given and writes it to `output`, which it never ends. As slow as `output`. */
export class DecoratedOutput extends Writable {
  readonly #output: Output;
  readonly #filter: EscapeFilter | undefined;
  readonly #lines: LinePrefix | undefined;
  readonly #colour: string | undefined;
  readonly #decoder = new TextDecoder();

  constructor(output: Output, { filter, colour, prefix }: Decoration) {
    super();
    this.#output = output;
    this.#filter = filter ? new EscapeFilter() : undefined;
    this.#lines = prefix === undefined ? undefined : new LinePrefix(prefix);
    this.#colour = colour;
    output.once('error', (error) => this.destroy(error));
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#put(this.#transform(chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    const rest = this.#filter?.end() ?? '';
    this.#put(this.#lines ? this.#lines.push(rest) + this.#lines.end() : rest, done);
  }

  #transform(chunk: Buffer): string | Buffer {
    if (!this.#filter && !this.#lines) return chunk;
    const text = this.#filter?.push(chunk) ?? this.#decoder.decode(chunk, { stream: true });
    return this.#lines ? this.#lines.push(text) : text;
  }

  #put(data: string | Buffer, done: (error?: Error | null) => void): void {
    if (data.length === 0) done();
    else if (this.#colour) this.#output.write(`\x1b[0;${this.#colour}m${data}\x1b[0m`, done);
    else this.#output.write(data, done);
  }
}

/** Waits until everything written to it has reached the user. */
export function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.end(resolve);
  });
}
