import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MemoryState, MemoryStore } from '../../src/app/store/memory/store.ts';
import { SqliteStore } from '../../src/app/store/sqlite/store.ts';
import type { StoreKey } from '../../src/app/store/store.ts';
import { storeContract } from './store.contract.ts';

storeContract('memory', async () => {
  const state = new MemoryState();
  return {
    open: () => new MemoryStore(state),
    damage: async (key) => void state.records.set(key as StoreKey, '<domain'),
    [Symbol.asyncDispose]: async () => {},
  };
});

storeContract('sqlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-store-'));
  return {
    open: () => new SqliteStore({ directory }),
    damage: async (key) => {
      const database = new DatabaseSync(join(directory, 'qubes.db'));
      database.prepare(`UPDATE record SET xml = replace(xml, 'name', 'nome') WHERE key = ?`).run(key);
      database.close();
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
});
