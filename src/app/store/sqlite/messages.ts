import type { RecordChange } from '../record.ts';

/** What the worker thread is started with. */
export interface WorkerOptions {
  readonly directory: string;
  readonly mirrorInterval: number;
}

/** Asked of the worker, one at a time; each is answered by one reply. */
export type Request =
  | { readonly kind: 'load' }
  | { readonly kind: 'commit'; readonly changes: readonly RecordChange[] }
  | { readonly kind: 'close' };

/** A row as it stands: `xml` is absent when the row is damaged. */
export interface LoadedRow {
  readonly key: string;
  readonly xml?: string;
}

/** `warning` comes on its own and answers nothing. After a `fatal` failure the worker answers nothing more. */
export type Reply =
  | { readonly kind: 'loaded'; readonly rows: readonly LoadedRow[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly problem: string; readonly fatal: boolean }
  | { readonly kind: 'warning'; readonly problem: string };
