import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dirDriver } from '../../src/storage/dir/driver.ts';
import { DirPool } from '../../src/storage/dir/pool.ts';
import { whileMounted } from './mounted.ts';
import { describePool } from './pool.contract.ts';

describePool('dir', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-pool-'));
  const open = async () => {
    const pool = dirDriver.open('test', { dir_path: join(directory, 'pool') });
    if (!(pool instanceof DirPool)) throw new Error('not a dir pool');
    await pool.setup();
    return pool;
  };
  let pool = await open();
  return {
    pool,
    async reopen() {
      await pool.idle();
      pool = await open();
      return pool;
    },
    write: (attachment, path, text) =>
      whileMounted(attachment, async (root) => {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text);
      }),
    remove: (attachment, path) => whileMounted(attachment, (root) => rm(join(root, path))),
    read: (attachment, path) =>
      whileMounted(attachment, (root) => readFile(join(root, path), 'utf8').catch(() => undefined)),
    async close() {
      await pool.idle();
      await rm(directory, { recursive: true });
    },
  };
});
