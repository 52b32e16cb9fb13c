/** Longest line held back until it is whole, in characters. */
const LONGEST = 8192;

/** Puts a prefix before every line, and lets out whole lines only, so that lines of several sources do not mix. */
export class LinePrefix {
  readonly #prefix: string;
  #partial = '';

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The lines this text completed. An over-long line is broken. */
  push(text: string): string {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    if (this.#partial.length > LONGEST) {
      lines.push(this.#partial);
      this.#partial = '';
    }
    return lines.map((line) => `${this.#prefix}${line}\n`).join('');
  }

  /** The last line, which had no end. */
  end(): string {
    return this.#partial === '' ? '' : `${this.#prefix}${this.#partial}\n`;
  }
}
