import { memoryDriver } from '../../src/storage/memory/driver.ts';
import { MemoryPool } from '../../src/storage/memory/pool.ts';
import type { MemoryFile } from '../../src/storage/memory/tree.ts';
import type { Attachment } from '../../src/storage/volume.ts';
import { describePool } from './pool.contract.ts';

describePool('memory', async () => {
  const pool = memoryDriver.open('test', {});
  if (!(pool instanceof MemoryPool)) throw new Error('not a memory pool');
  await pool.setup();
  const tree = (attachment: Attachment): Map<string, MemoryFile> => {
    const [mount] = attachment.kind === 'tree' ? attachment.mounts : [];
    const found = mount && pool.tree(mount);
    if (!found) throw new Error('nothing is started there');
    return found;
  };
  return {
    pool,
    // Nothing of it outlives the process, so the best that can come back is the pool itself.
    reopen: async () => pool,
    async write(attachment, path, text) {
      tree(attachment).set(path, { content: Buffer.from(text), mode: 0o644, uid: 0, gid: 0 });
    },
    async remove(attachment, path) {
      tree(attachment).delete(path);
    },
    read: async (attachment, path) => tree(attachment).get(path)?.content.toString(),
    close: async () => {},
  };
});
