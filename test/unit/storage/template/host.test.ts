import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeDirectories } from '../../../../src/storage/directories.ts';
import { hostTemplate } from '../../../../src/storage/template/host.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-host-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** A host that has something to hide. */
async function makeHost(): Promise<string> {
  const host = join(directory, 'host');
  const files: Record<string, [text: string, mode?: number]> = {
    'usr/bin/env': ['program'],
    'usr/lib/os-release': ['ID=test'],
    'etc/passwd': ['alice:x:1001:1001:Alice Liddell:/home/alice:/bin/sh'],
    'etc/shadow': ['alice:SECRET', 0o640],
    'etc/group': ['wheel:x:10:alice'],
    'etc/hostname': ['SECRET-host'],
    'etc/machine-id': ['SECRET'],
    'etc/resolv.conf': ['nameserver SECRET'],
    'etc/ssh/ssh_host_key': ['SECRET', 0o600],
    'etc/ssl/private/server.key': ['SECRET', 0o644],
    'etc/ssl/certs/ca.pem': ['certificate'],
    'etc/ssl/certs/private.pem': ['SECRET', 0o600],
    'etc/apt/sources.list': ['deb http://mirror/debian stable main'],
    'etc/apt/sources.list.d/paid.list': ['deb https://me:SECRET@mirror/debian stable main'],
    'etc/apt/auth.conf': ['machine mirror login me password SECRET'],
    'etc/apt/auth.conf.d/more.conf': ['machine mirror login me password SECRET'],
    'etc/profile.d/proxy.sh': ['export http_proxy=http://me:SECRET@proxy:3128'],
    'etc/profile.d/lang.sh': ['export LANG=C.UTF-8'],
    'etc/security/opasswd': ['SECRET', 0o600],
    'etc/pam.d/su': ['auth sufficient pam_rootok.so'],
    'home/alice/.ssh/id': ['SECRET'],
    'root/.profile': ['SECRET'],
    'var/log/messages': ['SECRET'],
    'var/lib/dpkg/status': ['Package: bash'],
    'var/lib/dpkg/lock': ['', 0o640],
    'var/lib/dpkg/info/bash.list': ['/bin/bash'],
    'var/lib/dpkg/info/bash.md5sums': ['0 bin/bash'],
  };
  for (const [path, [text, mode]] of Object.entries(files)) {
    await mkdir(dirname(join(host, path)), { recursive: true });
    await writeFile(join(host, path), text, { mode: mode ?? 0o644 });
  }
  for (const name of ['bin', 'lib']) await symlink(`usr/${name}`, join(host, name));
  await mkdir(join(host, 'sbin'));
  await symlink('/etc/ssl/private/server.key', join(host, 'etc/ssl/certs/link.pem'));
  return host;
}

async function build(host: string, to: string): Promise<{ root: string; shown: Record<string, string> }> {
  const root = join(directory, to);
  await mkdir(root);
  const shown: Record<string, string> = {};
  await hostTemplate({ hostRoot: host }).build({
    root,
    async useHostDirectory(target, hostPath) {
      await makeDirectories(join(root, target), 0o755);
      shown[target] = hostPath;
    },
  });
  return { root, shown };
}

/** Everything that can be told from a tree but its times. */
async function listing(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length);
    if (entry.isSymbolicLink()) return `${name} -> ${await readlink(path)}`;
    const { mode, uid, gid } = await stat(path);
    const sum = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : '';
    return `${name} ${mode.toString(8)} ${uid} ${gid} ${sum}`;
  });
  return (await Promise.all(lines)).sort();
}

describe('the host template', () => {
  it("shows the host's programs and nothing else of it", async () => {
    const host = await makeHost();
    const { root, shown } = await build(host, 'tree');
    expect(shown).toEqual({ '/usr': join(host, 'usr'), '/sbin': join(host, 'sbin') });
    expect(await readlink(join(root, 'bin'))).toBe('usr/bin');
    const files = await readdir(root, { recursive: true, withFileTypes: true });
    for (const entry of files.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const text = await readFile(path, 'utf8');
      expect([path, /SECRET|alice|wheel/.test(text)]).toEqual([path, false]);
    }
    expect(await readdir(join(root, 'home'))).toEqual([]);
    expect(await readdir(join(root, 'root'))).toEqual([]);
    expect(await readdir(join(root, 'etc/apt'))).toEqual(['sources.list', 'sources.list.d']);
    expect(await readdir(join(root, 'etc/apt/sources.list.d'))).toEqual([]);
    expect(await readdir(join(root, 'etc/ssl/certs'))).toEqual(['ca.pem', 'link.pem']);
    expect(await readdir(join(root, 'etc/profile.d'))).toEqual(['lang.sh']);
    expect(await readdir(join(root, 'var/lib/dpkg'), { recursive: true })).toEqual(
      expect.arrayContaining(['status', 'info/bash.list', 'updates']),
    );
    expect(await readdir(join(root, 'var/lib/dpkg/info'))).toEqual(['bash.list']);
  });

  it('has a system of its own around them', async () => {
    const { root } = await build(await makeHost(), 'tree');
    const read = (path: string) => readFile(join(root, path), 'utf8');
    const mode = async (path: string) => ((await stat(join(root, path))).mode & 0o7777).toString(8);
    expect(await read('etc/passwd')).toMatch(/^root:x:0:0:.*:\/root:\/bin\/sh\n/);
    expect(await read('etc/passwd')).toMatch(/\nuser:x:1000:1000::\/home\/user:\/bin\/sh\n$/);
    expect(await read('etc/group')).toMatch(/\nuser:x:1000:\n$/);
    for (const line of (await read('etc/shadow')).trim().split('\n')) expect(line.split(':')[1]).toBe('*');
    expect((await read('etc/shadow')).split('\n')).toHaveLength(
      (await read('etc/passwd')).split('\n').length,
    );
    expect(await read('etc/machine-id')).toBe('');
    expect(await read('etc/hosts')).toContain('127.0.0.1 localhost');
    expect(await readlink(join(root, 'etc/os-release'))).toBe('../usr/lib/os-release');
    expect(await mode('etc/shadow')).toBe('600');
    expect(await mode('tmp')).toBe('1777');
    expect(await mode('root')).toBe('700');
    for (const path of ['rw', 'proc', 'sys', 'dev', 'run', 'usr', 'var/tmp', 'mnt'])
      expect((await stat(join(root, path))).isDirectory()).toBe(true);
  });

  it('is the same every time, under any umask', async () => {
    const host = await makeHost();
    const first = await listing((await build(host, 'one')).root);
    const umask = process.umask(0o077);
    try {
      expect(await listing((await build(host, 'two')).root)).toEqual(first);
    } finally {
      process.umask(umask);
    }
  });

  it('is refused on a machine that keeps its programs elsewhere', async () => {
    await mkdir(join(directory, 'nix'));
    await expect(build(join(directory, 'nix'), 'tree')).rejects.toThrow(
      /keeps its programs elsewhere.*debian/,
    );
  });

  it.each(['', 'Root', 'a:b', 'a\nroot', '-x', 'a'.repeat(32)])('refuses the user name %j', (user) => {
    expect(() => hostTemplate({ user })).toThrow(/User name/);
  });
});
