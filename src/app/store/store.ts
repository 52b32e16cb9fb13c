import type { XmlNode } from '../../xml/node.ts';

/**
 * What is stored, one node a key. Keys name a kind and an id:
 * `system` (the system's properties), `label/NAME`, `pool/NAME`, `domain/UUID`, and the journal's `operation/ID`.
 */
export type StoreKey = 'system' | `${'label' | 'pool' | 'domain' | 'operation'}/${string}`;

/** A node to store under a key, or null to remove what is there. */
export type StoreChange = readonly [key: StoreKey, node: XmlNode | null];

/** One stored record. `node` is absent when what is there cannot be read; `problem` then says why. */
export type StoredRecord =
  | { readonly key: StoreKey; readonly node: XmlNode; readonly problem?: undefined }
  | { readonly key: StoreKey; readonly node?: undefined; readonly problem: string };

/**
 * Durable state. One folder a driver beside this file; each passes `test/contract/store.contract.ts`.
 *
 * - `commit` resolves when the changes, all or none, survive kill -9 and power loss. Concurrent commits share one
 *   sync. Commits become durable in the order they were asked for: when one fails, those asked for after it and not
 *   yet durable fail too. Their `takeBack`s are called together, the last asked for first, before anything else runs,
 *   so memory is put back by undoing in reverse and nobody builds on what is not there.
 * - The cost of a commit does not grow with the number of records.
 * - A record that cannot be read is reported by `load`, never thrown, and stays as it is until it is replaced.
 */
export interface Store extends AsyncDisposable {
  /** Everything stored. Called once, first. Throws QubesException when another process holds the state. */
  load(): Promise<readonly StoredRecord[]>;
  /** Rejects with QubesException naming what failed (`disk full`); then nothing of it was stored. */
  commit(changes: readonly StoreChange[], takeBack?: () => void): Promise<void>;
}
