import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTemplates } from '../integration/daemon/starter.ts';
import { TestDaemon } from '../integration/daemon/test-daemon.ts';

/** What a domain in a container must not see, reach or do, tried from inside by its root and by its user. */

const SECRET = `secret-${process.pid}-${Date.now()}`;
const HOST_FILES = [
  `/root/${SECRET}`,
  `/home/${SECRET}`,
  `/etc/${SECRET}`,
  `/var/tmp/${SECRET}`,
  `/srv/${SECRET}`,
];
const USERS = ['root', 'user'];

let daemon: TestDaemon;
let listener: Server;

beforeAll(async () => {
  for (const path of HOST_FILES) {
    mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
    writeFileSync(path, SECRET, { mode: 0o644 });
  }
  listener = createServer((socket) => socket.end(SECRET));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  daemon = await TestDaemon.open();
  await makeTemplates(daemon);
  for (const name of ['work', 'play']) {
    await daemon.client.create({ class: 'AppVM', name, label: 'red' });
    await daemon.client.domain(name).start();
  }
}, 120_000);

afterAll(async () => {
  for (const path of HOST_FILES) rmSync(path, { force: true });
  listener?.close();
  await daemon?.[Symbol.asyncDispose]();
});

function inside(script: string, user = 'root'): Promise<string> {
  return daemon.shell('work', script, { user });
}

/** Exit code and all output; the command may fail. */
async function tryInside(script: string, user = 'root'): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await daemon.exec('work', ['sh', '-c', script], { user });
  return { code, output: stdout + stderr };
}

async function idRange(name: string): Promise<{ start: number; end: number }> {
  const [first = '', start = '', length = ''] = (await daemon.shell(name, 'cat /proc/self/uid_map'))
    .trim()
    .split(/\s+/);
  expect(first).toBe('0');
  return { start: Number(start), end: Number(start) + Number(length) };
}

async function uuidOf(name: string): Promise<string> {
  return (await daemon.client.domain(name).properties.get('uuid')).value;
}

describe.each(USERS)('as %s', (user) => {
  test('sees no file of the host outside /usr', async () => {
    const found = await tryInside(
      `find / \\( -path /proc -o -path /sys -o -path /usr \\) -prune -o -name '${SECRET}*' -print`,
      user,
    );
    expect(found.output).not.toContain(SECRET);
    expect((await tryInside('cat /etc/shadow', user)).output).not.toContain(
      readFileSync('/etc/shadow', 'utf8').trim(),
    );
    expect((await tryInside('ls -A /root /home', user)).output).not.toContain(SECRET);
  });

  test('reaches no file of the host through another process', async () => {
    for (const path of ['/proc/1/root', '/proc/self/root', '/proc/1/cwd'])
      for (const secret of HOST_FILES)
        expect((await tryInside(`cat ${path}${secret}`, user)).code).not.toBe(0);
  });

  test("sees no other domain's data or processes", async () => {
    await daemon.shell(
      'play',
      `echo ${SECRET} > /home/user/${SECRET}; sleep 1000.${process.pid} > /dev/null 2>&1 &`,
    );
    const found = await tryInside(
      `find / \\( -path /proc -o -path /sys -o -path /usr \\) -prune -o -name '${SECRET}' -print; grep -rs ${SECRET} /home /rw /tmp`,
      user,
    );
    expect(found.output).not.toContain(SECRET);
    const processes = await inside("cat /proc/[0-9]*/cmdline | tr '\\0' ' '", user);
    expect(processes).not.toContain(`1000.${process.pid}`);
    expect(processes).not.toContain('daemon/main');
    expect((await inside('ls -d /proc/[0-9]* | wc -l', user)).trim()).toMatch(/^\d$/);
  });

  test('signals no process of the host', async () => {
    const code = `foreach (${daemon.pid}, ${process.pid}) { exit 1 if kill 0, $_ and -e "/proc/$_" }`;
    expect((await tryInside(`perl -e '${code}'`, user)).code).toBe(0);
    await daemon.client.list();
  });

  test("reaches none of the daemon's sockets", async () => {
    for (const path of [daemon.socket, daemon.execSocket, `/proc/1/root${daemon.socket}`]) {
      const script = `use IO::Socket::UNIX; exit(IO::Socket::UNIX->new(Peer => "${path}") ? 0 : 7)`;
      expect((await tryInside(`perl -e '${script}'`, user)).code).toBe(7);
    }
    const sockets = await inside('cat /proc/net/unix', user);
    expect(sockets).not.toContain('qubesd');
    expect(sockets).not.toContain(daemon.directory);
  });

  test('has no network but its own loopback', async () => {
    expect((await inside("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '", user)).trim()).toBe('lo');
    expect(
      (
        await tryInside(
          'cat /proc/net/route /proc/net/ipv6_route 2>/dev/null | grep -v lo$ | tail -n +2',
          user,
        )
      ).output,
    ).toBe('');
    const address = listener.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const script = `use IO::Socket::INET; exit(IO::Socket::INET->new(PeerAddr => "127.0.0.1:${port}", Timeout => 2) ? 0 : 7)`;
    expect((await tryInside(`perl -e '${script}'`, user)).code).toBe(7);
  });

  test.each([
    ['mount a file system', 'mount -t tmpfs none /mnt'],
    ['mount /proc anew', 'mkdir -p /tmp/p && mount -t proc proc /tmp/p'],
    ['bind a directory', 'mount --bind /tmp /mnt'],
    ['remount /sys', 'mount -o remount,rw /sys'],
    ['undo a mount', 'umount /proc/sys || umount -l /rw'],
    ['make a user namespace', 'unshare -U true'],
    ['make a mount namespace', 'unshare -m true'],
    ['make a network namespace', 'unshare -n true'],
    ["enter init's namespaces", 'nsenter -t 1 -m true'],
    ['change a kernel setting', 'echo 1 > /proc/sys/kernel/panic'],
    ['change its network settings in /proc/sys', 'echo 1 > /proc/sys/net/ipv4/ip_forward'],
    ['use the magic key', 'echo h > /proc/sysrq-trigger'],
    ['write to /sys', 'echo 1 > /sys/kernel/mm/ksm/run'],
    ['make a device file', 'mknod /tmp/disk b 8 0 && cat /tmp/disk'],
    ['read the memory of the machine', 'head -c 1 /dev/mem || head -c 1 /proc/kcore'],
    ["read the kernel's log", 'dmesg'],
    ['set the clock', 'date -s 2000-01-01'],
    ['set the host name', 'hostname other'],
    ['load a module', 'perl -e \'exit(syscall(313, 0, "", 0) < 0)\''],
    ['look into a control group', 'ls /sys/fs/cgroup/* && false || test -w /sys/fs/cgroup/cgroup.procs'],
    ['raise its own limits', 'ulimit -n 10000000'],
    ['restart the machine', "perl -e 'exit(syscall(169, 0xfee1dead, 672274793, 0x89abcdef, 0) < 0)'"],
  ])('cannot %s', async (_what, script) => {
    expect((await tryInside(script, user)).code).not.toBe(0);
  });
});

test("each domain has ids of its own, and none of the host's", async () => {
  const [work, play] = [await idRange('work'), await idRange('play')];
  for (const { start, end } of [work, play]) {
    expect(start).toBeGreaterThanOrEqual(65_536);
    expect(end - start).toBe(65_536);
  }
  expect(work.end <= play.start || play.end <= work.start, 'ranges overlap').toBe(true);
  // As the host sees it: the init and a command of root are not the host's root.
  const running = daemon.exec('work', ['sleep', '2'], { user: 'root' });
  await expect.poll(async () => daemon.host.processesOf(await uuidOf('work')).length).toBeGreaterThan(1);
  for (const pid of daemon.host.processesOf(await uuidOf('work'))) {
    const [, ...ids] =
      /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    expect(ids).toHaveLength(4);
    for (const id of ids)
      expect(Number(id) >= work.start && Number(id) < work.end, `process ${pid} has id ${id}`).toBe(true);
  }
  await running;
});

test('every process of a domain is confined: seccomp, no new privileges, namespaces of its own', async () => {
  for (const user of USERS) {
    const status = await inside('cat /proc/self/status', user);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  }
  expect(await inside('grep CapEff /proc/self/status', 'user')).toMatch(/0{16}/);
  for (const kind of ['pid', 'mnt', 'net', 'uts', 'ipc', 'user', 'cgroup']) {
    const own = (await inside(`readlink /proc/self/ns/${kind}`)).trim();
    const other = (await daemon.shell('play', `readlink /proc/self/ns/${kind}`)).trim();
    expect(own).toMatch(/^\w+:\[\d+\]$/);
    expect(own).not.toBe(other);
  }
});

test("what a domain writes changes neither the host nor its template nor another domain's system", async () => {
  await inside(
    `for d in /usr /usr/bin /etc /var/lib /opt; do mkdir -p $d; echo x > $d/${SECRET} || exit 1; done`,
  );
  const look = `ls -d /usr/${SECRET} /usr/bin/${SECRET} /etc/${SECRET}-x /var/lib/${SECRET} /opt/${SECRET} 2>/dev/null | wc -l`;
  expect((await daemon.shell('play', look)).trim()).toBe('0');
  for (const path of [`/usr/${SECRET}`, `/usr/bin/${SECRET}`, `/var/lib/${SECRET}`, `/opt/${SECRET}`])
    expect(() => readFileSync(path)).toThrow(/ENOENT/);
  expect(readFileSync(`/etc/${SECRET}`, 'utf8'), "the host's own file").toBe(SECRET);
  await daemon.client.domain('work').shutdown({ wait: true });
  await daemon.client.domain('work').start();
  expect((await inside(look)).trim()).toBe('0');
});
