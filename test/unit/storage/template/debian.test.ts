import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sourcesOf } from '../../../../src/storage/template/apt-sources.ts';
import { debianTemplate } from '../../../../src/storage/template/debian.ts';
import { own, usePools } from '../dir/place.ts';

const pools = usePools();
let bin: string;
let release: string;
beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'bulkhead-bin-'));
  release = /^VERSION_CODENAME="?([a-z0-9.-]+)/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? '';
});
afterEach(() => rm(bin, { recursive: true }));

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  await chmod(join(bin, name), 0o755);
}
const apt = () =>
  program(
    'apt-get',
    `printf 'http://x:pw@mirror/debian/\\t${release}-updates\\tmain\\t/keys/k.gpg\\n'
     printf 'http://x:pw@mirror/debian/\\t${release}\\tmain\\t/keys/k.gpg\\n'
     printf 'http://x:pw@mirror/debian/\\t${release}\\tcontrib\\t/keys/k.gpg\\n'
     printf 'https://vendor/apt/\\tstable\\tmain\\t\\n'`,
  );
const UNPACKS = `mkdir -p "$root/etc/apt" "$root/dev" && for f in passwd group shadow gshadow; do
  printf 'root:x:0:0::/root:/bin/bash\\n' > "$root/etc/$f"; done; mknod "$root/dev/null" c 1 3; echo unpacked >&2`;

async function build(lines: string[] = []) {
  const pool = await pools.open();
  const root = pool.volume({ ...own('vm-templates/debian/root'), name: 'root' });
  await root.create();
  await root.populate(debianTemplate({ searchPath: bin }), { onProgress: (line) => lines.push(line) });
  return join(pools.path(), '.layers', (await readdir(join(pools.path(), '.layers')))[0] ?? '', 'tree');
}

describe('the debian template', () => {
  it("is made by mmdebstrap from the mirrors of this machine's release, and tells no password", async () => {
    await apt();
    await program('mmdebstrap', `for last; do echo "arg $last"; done; root="$6"; ${UNPACKS}`);
    const lines: string[] = [];
    const tree = await build(lines);
    expect(lines).toContain(`arg ${release}`);
    expect(lines).toContain(
      `arg deb [signed-by=/keys/k.gpg] http://x:pw@mirror/debian/ ${release} main contrib`,
    );
    expect(lines).toContain(
      `arg deb [signed-by=/keys/k.gpg] http://x:pw@mirror/debian/ ${release}-updates main`,
    );
    expect(lines).toContain('unpacked');
    expect(lines.join()).not.toContain('vendor');
    expect(await readFile(join(tree, 'etc/apt/sources.list'), 'utf8')).toBe(
      `deb [signed-by=/keys/k.gpg] http://mirror/debian/ ${release} main contrib\n` +
        `deb [signed-by=/keys/k.gpg] http://mirror/debian/ ${release}-updates main\n`,
    );
    expect(await readFile(join(tree, 'etc/passwd'), 'utf8')).toMatch(
      /\nuser:x:1000:1000::\/home\/user:\/bin\/bash\n$/,
    );
    expect(await readdir(join(tree, 'dev'))).toEqual([]);
    expect(await readdir(join(tree, 'rw'))).toEqual([]);
  });

  it('is made by debootstrap where mmdebstrap is missing', async () => {
    await apt();
    await program('debootstrap', `for arg; do echo "arg $arg"; done; root="$5"; ${UNPACKS}`);
    const lines: string[] = [];
    await build(lines);
    expect(lines).toContain('arg --keyring=/keys/k.gpg');
    expect(lines).toContain('arg http://x:pw@mirror/debian/');
  });

  it('says what is missing, and leaves nothing behind', async () => {
    await apt();
    await expect(build()).rejects.toThrow(
      /debootstrap is not installed; run: scripts\/setup-host --with debian-template/,
    );
    await rm(join(bin, 'apt-get'));
    await expect(build()).rejects.toThrow(/apt-get is not installed/);
    await program('apt-get', 'exit 0');
    await expect(build()).rejects.toThrow(/knows no mirror/);
    await (await pools.open()).idle();
    for (const name of ['.layers', '.new']) expect(await readdir(join(pools.path(), name))).toEqual([]);
  });

  it('that fails half-way says why, and leaves nothing behind', async () => {
    await apt();
    await program('mmdebstrap', 'mkdir -p "$6/etc"; echo "E: mirror does not answer" >&2; exit 25');
    await expect(build()).rejects.toThrow(/mmdebstrap failed \(exit code 25\)[\s\S]*mirror does not answer/);
    await (await pools.open()).idle();
    for (const name of ['.layers', '.new', '.trash'])
      expect(await readdir(join(pools.path(), name))).toEqual([]);
  });
});

it('what apt prints of its sources is read strictly', () => {
  expect(sourcesOf(['', 'x', 'http://m/\tr\tmain', '--option\tr\tmain\t', 'http://m/ x\tr\tmain\t'])).toEqual(
    [{ uri: 'http://m/', release: 'r', components: ['main'] }],
  );
});
