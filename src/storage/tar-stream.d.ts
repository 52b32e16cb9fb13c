/** The part of tar-stream (npm) used here; it brings no types of its own. */
declare module 'tar-stream' {
  import type { Readable, Writable } from 'node:stream';

  export interface Header {
    readonly name: string;
    /** `null` for a type tar-stream doesn't know. */
    readonly type?: string | null;
    readonly mode?: number;
    readonly uid?: number;
    readonly gid?: number;
    readonly size?: number;
    readonly mtime?: Date;
    readonly linkname?: string | null;
  }
  export type Entry = Readable & { readonly header: Required<Header> };
  export type Extract = Writable & AsyncIterable<Entry>;
  export type Pack = Readable & {
    entry(header: Header): Writable;
    finalize(): void;
  };
  export function extract(): Extract;
  export function pack(): Pack;
}
