import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DomainSpec } from '../../../src/hypervisor/hypervisor.ts';
import { runCommand } from '../../contract/run-command.ts';
import { shell, Workshop } from './fixture.ts';

/** What a domain is kept from. Commands run as root inside where that is the harder case. */
describe('a container', () => {
  let workshop: Workshop;
  let spec: DomainSpec;
  beforeAll(async () => {
    workshop = await Workshop.open({ processes: 64 });
    spec = await workshop.started({ name: 'isolated' });
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  const inside = (script: string, user = 'root') => shell(workshop.hypervisor, spec, script, { user });

  test('has its own hostname and cannot change it', async () => {
    const { stdout, stderr } = await inside('hostname; hostname other; hostname');
    expect(stdout).toBe('isolated\nisolated\n');
    expect(stderr).toMatch(/must be root|not permitted|denied/i);
    expect(hostname()).not.toBe('isolated');
  });

  test('runs as its own range of ids', async () => {
    const { stdout } = await inside('cat /proc/self/uid_map /proc/self/gid_map');
    const rows = stdout.trim().split('\n');
    for (const row of rows)
      expect(row.trim().split(/\s+/)).toEqual(['0', String(spec.ids.start), String(spec.ids.length)]);
    expect(rows).toHaveLength(2);
  });

  test('what its root writes belongs to its range, not to the host', async () => {
    await inside('echo mine > /etc/mine; echo kept > /rw/kept');
    const root = spec.volumes['root'];
    const upper = root?.kind === 'tree' ? root.mounts[0]?.upper : undefined;
    expect((await stat(`${upper}/etc/mine`)).uid).toBe(spec.ids.start);
  });

  test('sees its own files as its own, and none of the host outside /usr', async () => {
    const { stdout } = await inside(
      'stat -c %U /etc/passwd /usr/bin/env; ls /root /home; cat /etc/shadow; ls /work /boot',
    );
    expect(stdout).toBe(
      `root\nroot\n/home:\nuser\n\n/root:\nroot:!:19000::::::\nuser:!:19000:0:99999:7:::\n`,
    );
  });

  test('its overlays do not name the directories of the host', async () => {
    const { stdout } = await inside(
      'cat /proc/mounts /proc/self/mountinfo /proc/1/environ /proc/self/environ',
    );
    expect(stdout).toContain('overlay');
    for (const line of stdout.split('\n').filter((row) => row.includes('overlay')))
      expect(line).not.toContain('bulkhead-oci');
  });

  test('gives commands no capabilities, and root only a few', async () => {
    const capabilities = (text: string) => text.match(/[0-9a-f]{16}/g);
    const user = await inside('grep Cap /proc/self/status', 'user');
    expect(capabilities(user.stdout)?.filter((_, index) => index !== 3)).toEqual(
      Array(4).fill('0'.repeat(16)),
    );
    const root = await inside('grep CapEff /proc/self/status');
    expect(capabilities(root.stdout)).toEqual(['00000000000004fb']);
    const status = await inside('grep -E "NoNewPrivs|Seccomp:" /proc/self/status');
    expect(status.stdout).toBe('NoNewPrivs:\t1\nSeccomp:\t2\n');
  });

  test('has a loopback interface and nothing else', async () => {
    const { stdout } = await inside('tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/route | wc -l');
    expect(stdout.trim().split(/\s+/)).toEqual(['lo', '1']);
  });

  test.each([
    ['mount', 'mount -t tmpfs none /mnt || mount -t tmpfs none /tmp'],
    ['leave its namespaces', 'nsenter -t 1 -m true'],
    ['make a user namespace', 'unshare -U true'],
    ['make a mount namespace', 'unshare -m true'],
    ['change its root', 'chroot / true'],
    ['make a device', 'mknod /tmp/sda b 8 0'],
    ['load a module', 'perl -e \'exit(syscall(313, 0, "", 0) < 0)\''],
    ['use the kernel keyring', "perl -e 'exit(syscall(250, 0, 0, 0) < 0)'"],
    ['load a BPF program', "perl -e 'exit(syscall(321, 0, 0, 0) < 0)'"],
    ['use io_uring', "perl -e 'exit(syscall(425, 1, 0) < 0)'"],
    ['open a raw socket', "perl -e 'exit(!socket(S, 2, 3, 1))'"],
    ['open a packet socket', "perl -e 'exit(!socket(S, 17, 3, 768))'"],
    ['open a vsock', "perl -e 'exit(!socket(S, 40, 1, 0))'"],
    ['set the clock', 'date -s 2001-01-01'],
    ['write kernel settings', 'echo 1 > /proc/sys/kernel/panic'],
    ['press sysrq', 'echo h > /proc/sysrq-trigger'],
    ['read kernel memory', 'head -c 1 /proc/kcore | grep -q .'],
    ['look into the agent', 'readlink /proc/1/fd/3 || readlink /proc/1/exe || cat /proc/1/environ'],
    ['reach the agent’s socket', 'perl -e \'exit(!open(F, "+<", "/proc/1/fd/3"))\''],
    ['kill the agent', 'kill -9 1; sleep 0.1; false'],
    ['write its program', 'echo > /proc/1/exe'],
  ])('cannot %s', async (_, script) => {
    const { code } = await inside(script);
    expect(code).toBeGreaterThan(0);
    expect((await inside('true')).code).toBe(0); // the domain itself is well
  });

  test('set-id programs give nobody more', async () => {
    const { stdout } = await inside('cp /usr/bin/id /var/tmp/id; chmod 4755 /var/tmp/id');
    expect(stdout).toBe('');
    expect((await inside('/var/tmp/id -u', 'user')).stdout).toBe('1000\n');
  });

  test('a process that takes more memory than the domain has is killed, the domain is not', async () => {
    const { code } = await inside('head -c 600M /dev/zero | tail | wc -c');
    const { stdout } = await inside('echo still here');
    expect(stdout).toBe('still here\n');
    const hog = await runCommand(workshop.hypervisor, spec.uuid, {
      argv: ['perl', '-e', '$x = "x" x 600_000_000; print length $x'],
    });
    expect(hog.code).toBe(137);
    expect(code).toBeDefined();
  });

  test('gets the processor time it was given', async () => {
    const before = await workshop.hypervisor.stats(spec.uuid);
    const begun = performance.now();
    await inside('timeout 1 sh -c "while :; do :; done" & timeout 1 sh -c "while :; do :; done"; wait');
    const used = Number((await workshop.hypervisor.stats(spec.uuid)).cpuTime - before.cpuTime) / 1e6;
    expect(used).toBeLessThan((performance.now() - begun) * 1.3 + 200); // one vcpu, though two want one each
    expect(used).toBeGreaterThan(100);
  });

  test('a fork bomb stops at the limit', async () => {
    const { stdout } = await inside(
      'i=0; while [ $i -lt 200 ]; do (sleep 3 & ) 2>/dev/null || break; i=$((i+1)); done; ls -d /proc/[0-9]* | wc -l',
    );
    expect(Number(stdout || '0')).toBeLessThanOrEqual(64);
    await expect
      .poll(async () => (await inside('echo well')).stdout, { timeout: 15_000, interval: 500 })
      .toBe('well\n');
  });
});

describe('the volumes of a container', () => {
  let workshop: Workshop;
  beforeAll(async () => {
    workshop = await Workshop.open();
  });
  afterAll(() => workshop[Symbol.asyncDispose]());

  test('/home and /usr/local are of the private volume, and come back', async () => {
    const spec = await workshop.started();
    const { hypervisor } = workshop;
    const wrote = await shell(
      hypervisor,
      spec,
      'echo a > ~/a; echo b > /var/tmp/b; pwd; id -un; ls -d /rw/home/user /usr/local/bin',
    );
    expect(wrote).toMatchObject({ stdout: '/home/user\nuser\n/rw/home/user\n/usr/local/bin\n', code: 0 });
    await hypervisor.cleanUp(spec.uuid);
    await hypervisor.start(spec);
    expect((await shell(hypervisor, spec, 'cat ~/a; stat -c %U:%a ~ /var/tmp')).stdout).toBe(
      'a\nuser:700\nroot:1777\n',
    );
    await hypervisor.cleanUp(spec.uuid);
  });

  test('a symbolic link that a guest leaves in the way of a mount leads nowhere', async () => {
    const spec = await workshop.started();
    const { hypervisor } = workshop;
    const root = { user: 'root' };
    await shell(hypervisor, spec, 'mv /rw/home /rw/moved; ln -s /etc /rw/home; ln -s / /rw/link', root);
    await shell(
      hypervisor,
      spec,
      'rm -rf /var/tmp 2>/dev/null; ln -sfn ../../../../../../etc /rw/usrlocal2',
      root,
    );
    await hypervisor.cleanUp(spec.uuid);
    await hypervisor.start(spec);
    const { stdout } = await shell(hypervisor, spec, 'ls /home; ls /rw; readlink /rw/home.replaced', root);
    expect(stdout).toContain('user\n');
    expect(stdout).toContain('home.replaced\n');
    expect(stdout).toContain('/etc\n');
    await hypervisor.cleanUp(spec.uuid);
  });

  test('a template below is the domain’s to read, not to change', async () => {
    const [one, two] = [await workshop.started(), await workshop.started()];
    const { hypervisor } = workshop;
    await shell(hypervisor, one, 'echo changed > /etc/passwd; rm /usr/bin/env; rm -r /etc/alternatives', {
      user: 'root',
    });
    expect((await shell(hypervisor, two, 'head -c 4 /etc/passwd; ls /usr/bin/env')).stdout).toBe(
      'root/usr/bin/env\n',
    );
    expect((await stat('/usr/bin/env')).isFile()).toBe(true);
    await Promise.all([one, two].map(({ uuid }) => hypervisor.cleanUp(uuid)));
  });

  test('no mount of a running domain is left on the host', async () => {
    const spec = await workshop.started();
    const left = await workshop.leftovers();
    expect(left.filter((line) => line.includes('bulkhead-oci-'))).toEqual([]);
    await workshop.hypervisor.cleanUp(spec.uuid);
    expect(await workshop.leftovers()).toEqual([]);
  });
});
