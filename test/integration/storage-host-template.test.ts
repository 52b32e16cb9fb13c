import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dirDriver } from '../../src/storage/dir/driver.ts';
import { DirPool } from '../../src/storage/dir/pool.ts';
import { hostTemplate } from '../../src/storage/template/host.ts';
import { isTreeVolume } from '../../src/storage/tree-source.ts';
import type { VolumeConfig } from '../../src/storage/volume.ts';
import { whileMounted } from '../contract/mounted.ts';

/** This machine's own programs, run in a template made of it. */

const run = promisify(execFile);
const IDS = { start: 300 * 65_536, length: 65_536 };
const root: VolumeConfig = {
  name: 'root',
  vid: 'vm-templates/host/root',
  size: 10 * 1024 ** 3,
  rw: true,
  snapOnStart: false,
  saveOnStop: true,
  revisionsToKeep: 1,
};
const appRoot: VolumeConfig = {
  ...root,
  vid: 'appvms/work/root',
  snapOnStart: true,
  saveOnStop: false,
  source: root.vid,
};

let directory: string;
let pool: DirPool;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-host-template-'));
  const opened = dirDriver.open('test', { dir_path: join(directory, 'pool') });
  if (!(opened instanceof DirPool)) throw new Error('not a dir pool');
  pool = opened;
  await pool.setup();
  const template = pool.volume(root);
  await template.create();
  if (!isTreeVolume(template)) throw new Error('not a tree volume');
  await template.populate(hostTemplate());
});
afterAll(async () => {
  await pool.idle();
  await rm(directory, { recursive: true });
});

/** What a command prints inside a snapshot of the template, without our environment. */
async function inside(at: string, ...argv: [string, ...string[]]): Promise<string> {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };
  const { stdout } = await run('chroot', [at, ...argv], { env, timeout: 20_000 });
  return stdout.trim();
}

describe('a snapshot of the host template', () => {
  it('runs bash and python3, as root and as the user', async () => {
    const volume = pool.volume(appRoot);
    await whileMounted(await volume.start(IDS), async (at) => {
      expect(await inside(at, 'bash', '-c', 'echo "$((6 * 7)) $(id -un)"')).toBe('42 root');
      expect(await inside(at, 'python3', '-c', 'import ssl, json; print(json.dumps([1]))')).toBe('[1]');
      const asUser = ['--userspec=user:user', at, 'bash', '-c', 'id -un; id -G; ls /root 2>&1'];
      const { stdout } = await run('chroot', asUser, { timeout: 20_000 }).catch((failed) => failed);
      expect(stdout).toMatch(/^user\n1000\n.*Permission denied/);
    });
    await volume.stop();
  });

  it('knows the packages of the host, where it has dpkg', async () => {
    const { stdout: expected } = await run('dpkg-query', ['-W', '-f', '${Version}', 'bash']);
    const volume = pool.volume(appRoot);
    await whileMounted(await volume.start(IDS), async (at) => {
      expect(await inside(at, 'dpkg-query', '-W', '-f', '${Version}', 'bash')).toBe(expected);
    });
    await volume.stop();
  });

  it('forgets what was written to it, in /usr as well, and the host never sees it', async () => {
    const volume = pool.volume(appRoot);
    await whileMounted(await volume.start(IDS), async (at) => {
      await inside(
        at,
        'bash',
        '-c',
        'echo x > /etc/bulkhead-test; echo x > /usr/bulkhead-test; rm /usr/bin/env',
      );
      expect(await inside(at, 'cat', '/etc/bulkhead-test', '/usr/bulkhead-test')).toBe('x\nx');
    });
    await expect(readFile('/usr/bulkhead-test')).rejects.toThrow('ENOENT');
    await volume.stop();
    await whileMounted(await volume.start(IDS), async (at) => {
      expect(
        await inside(
          at,
          'bash',
          '-c',
          'ls /etc/bulkhead-test /usr/bulkhead-test 2>/dev/null; ls /usr/bin/env',
        ),
      ).toBe('/usr/bin/env');
    });
    await volume.stop();
  });

  it('shows what the template itself was changed to', async () => {
    const template = pool.volume(root);
    await whileMounted(await template.start(IDS), (at) =>
      inside(
        at,
        'bash',
        '-c',
        'echo installed > /usr/lib/bulkhead-test; rm /usr/bin/less /etc/profile 2>/dev/null; true',
      ),
    );
    await template.stop();
    const volume = pool.volume(appRoot);
    await whileMounted(await volume.start(IDS), async (at) => {
      expect(await inside(at, 'cat', '/usr/lib/bulkhead-test')).toBe('installed');
      await expect(inside(at, 'cat', '/etc/profile')).rejects.toThrow(/No such file/);
    });
    await volume.stop();
    await template.revert();
    await whileMounted(await volume.start(IDS), async (at) => {
      await expect(inside(at, 'cat', '/usr/lib/bulkhead-test')).rejects.toThrow(/No such file/);
    });
    await volume.stop();
  });
});
