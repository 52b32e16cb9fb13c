/**
 * Makes a domain's output harmless to a terminal: whatever is not a visible character, a space, a newline, carriage
 * return, tab or backspace becomes `_`. So do bytes that are not UTF-8, and the invisible characters that reorder or
 * hide text. Keeps state between pieces, since a character may be cut in two.
 */
export class EscapeFilter {
  readonly #decoder = new TextDecoder('utf-8');

  push(untrustedChunk: Uint8Array): string {
    return harmless(this.#decoder.decode(untrustedChunk, { stream: true }));
  }

  /** What the last piece left unfinished. */
  end(): string {
    return harmless(this.#decoder.decode());
  }
}

// \p{C}: control, format (bidirectional overrides, zero width), surrogate, private use, unassigned.
const HARMFUL = /(?![\n\r\t\x08])[\p{C}\p{Zl}\p{Zp}\ufffd]/gu;

function harmless(text: string): string {
  return text.replace(HARMFUL, '_');
}
