import { describe, expect, it } from 'vitest';
import { Frame } from '../../../src/base/frames.ts';
import { type FakeExecution, fakeDaemon } from '../client/fake-daemon.ts';
import { run, type World } from './run.ts';
import { SYSTEM } from './system.ts';

async function qvmRun(argv: string[], world: World = {}, onExec?: (execution: FakeExecution) => void) {
  await using daemon = await fakeDaemon(SYSTEM, onExec);
  const ran = await run('qvm-run', argv, { socket: daemon.socket, execSocket: daemon.execSocket, ...world });
  return { ...ran, requests: daemon.executions.map(({ request }) => request) };
}

const echo = async (execution: FakeExecution) => {
  execution.send(Frame.stdout, await execution.input());
  execution.exit(0);
};

describe('qvm-run', () => {
  it.each([
    [['work', 'ls | wc'], { domain: 'work', command: ['/bin/sh', '-c', 'ls | wc'] }],
    [['work', 'ls', '-la'], { domain: 'work', command: ['ls', '-la'] }],
    [['work', '--', 'ls', '-la'], { domain: 'work', command: ['ls', '-la'] }],
    [['--no-shell', 'work', 'ls'], { domain: 'work', command: ['ls'] }],
    [['-u', 'root', 'work', 'id'], { domain: 'work', command: ['/bin/sh', '-c', 'id'], user: 'root' }],
    [['-n', 'work', 'id'], { domain: 'work', command: ['/bin/sh', '-c', 'id'], autostart: false }],
    [['--no-auto', 'work', 'id'], { domain: 'work', command: ['/bin/sh', '-c', 'id'], autostart: false }],
    [['-a', 'work', 'id'], { domain: 'work', command: ['/bin/sh', '-c', 'id'] }],
    [['--dispvm', '--', 'id'], { domain: '@dispvm', command: ['/bin/sh', '-c', 'id'] }],
    [['--dispvm', 'id'], { domain: '@dispvm', command: ['/bin/sh', '-c', 'id'] }],
    [['--dispvm=base', 'ls', '-l'], { domain: '@dispvm:base', command: ['ls', '-l'] }],
    [['--gui', '--no-gui', 'work', 'id'], { domain: 'work', command: ['/bin/sh', '-c', 'id'] }],
  ])('%j asks for %j', async (argv, request) => {
    const ran = await qvmRun(argv);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.requests).toEqual([request]);
  });

  it("shows the command's output and errors, and ends with its exit code", async () => {
    const ran = await qvmRun(['work', 'x'], {}, (execution) => {
      execution.send(Frame.stdout, 'out\n');
      execution.send(Frame.stderr, 'err\n');
      execution.exit(42);
    });
    expect(ran).toMatchObject({ code: 42, out: 'out\n', err: 'err\n' });
  });

  it('passes input only with --pass-io', async () => {
    expect(await qvmRun(['work', 'cat'], { input: 'hi\n' }, echo)).toMatchObject({ out: '' });
    expect(await qvmRun(['-p', 'work', 'cat'], { input: 'hi\n' }, echo)).toMatchObject({ out: 'hi\n' });
  });

  it('shows nothing with -q, unless -p wants it', async () => {
    const speak = (execution: FakeExecution) => {
      execution.send(Frame.stdout, 'out');
      execution.exit(3);
    };
    expect(await qvmRun(['-q', 'work', 'x'], {}, speak)).toMatchObject({ out: '', err: '', code: 3 });
    expect(await qvmRun(['-q', '-p', 'work', 'x'], {}, speak)).toMatchObject({ out: 'out', code: 3 });
  });

  const escapes = (execution: FakeExecution) => {
    execution.send(Frame.stdout, 'a\x1b]0;title\x07b \u202e é');
    execution.exit(0);
  };

  it("keeps a domain from controlling the user's terminal", async () => {
    const onTerminal = await qvmRun(['work', 'x'], { terminal: true }, escapes);
    expect(onTerminal.out).toBe('a_]0;title_b _ é');
    const coloured = await qvmRun(['-p', 'work', 'x'], { terminal: true }, escapes);
    expect(coloured.out).toBe('\x1b[0;31ma_]0;title_b _ é\x1b[0m');
    const uncoloured = await qvmRun(['-p', 'work', 'x'], { terminal: true, env: { NO_COLOR: '1' } }, escapes);
    expect(uncoloured.out).toBe('a_]0;title_b _ é');
  });

  it('leaves output to a file or pipe as it is, unless told otherwise', async () => {
    expect((await qvmRun(['work', 'x'], {}, escapes)).out).toContain('\x1b]0;title\x07');
    expect((await qvmRun(['--filter-escape-chars', 'work', 'x'], {}, escapes)).out).not.toContain('\x1b');
    const open = await qvmRun(['--no-filter-escape-chars', 'work', 'x'], { terminal: true }, escapes);
    expect(open.out).toContain('\x1b]0;title\x07');
  });

  it('runs in all running domains, with their names before each line', async () => {
    const ran = await qvmRun(['--all', '--exclude', 'nobody', 'uptime'], {}, (execution) => {
      execution.send(Frame.stdout, 'one\ntw');
      execution.send(Frame.stdout, 'o');
      execution.exit(execution.request.domain === 'work' ? 4 : 0);
    });
    expect(ran.requests.map(({ domain }) => domain).sort()).toEqual(['sys-net', 'work']);
    expect(ran.out.split('\n').sort()).toEqual([
      '',
      'sys-net: one',
      'sys-net: two',
      'work: one',
      'work: two',
    ]);
    expect(ran.code).toBe(4);
  });

  it('connects a local command with --localcmd, and ends with the worse of the two', async () => {
    const talk = async (execution: FakeExecution) => {
      execution.send(Frame.stdout, 'ping\n');
      execution.exit(String(await execution.input()) === 'got ping\n' ? 0 : 9);
    };
    const good = await qvmRun(['-p', '--localcmd', 'read word; echo "got $word"', 'work', 'x'], {}, talk);
    expect(good).toMatchObject({ code: 0, err: '' });
    const bad = await qvmRun(
      ['-p', '--localcmd', 'read word; echo "got $word"; exit 5', 'work', 'x'],
      {},
      talk,
    );
    expect(bad.code).toBe(5);
  });

  it('says in one line what was refused, with code 255', async () => {
    const ran = await qvmRun(['nobody', 'id'], {}, (execution) =>
      execution.fail('QubesVMNotFoundError', "No such domain: 'nobody'\x1b[2J"),
    );
    expect(ran).toMatchObject({ code: 255, out: '', err: "qvm-run: No such domain: 'nobody'\\x1b[2J\n" });
  });

  it.each([
    [[], "missing required argument 'VMNAME'"],
    [['work'], "missing required argument 'COMMAND'"],
    [['--dispvm=base'], "missing required argument 'COMMAND'"],
    [['--dispvm'], "missing required argument 'COMMAND'"],
    [['work', '-p', 'ls'], "'-p' stands after the domain's name"],
    [['--all', '--dispvm', '--', 'id'], '--all and --dispvm at once'],
    [['--exclude', 'a', 'work', 'id'], '--exclude is only for use with --all'],
    [['--localcmd', 'x', 'work', 'id'], '--localcmd needs --pass-io'],
    [['--all', '-p', 'id'], 'one input cannot be passed to several domains'],
    [['-t', 'work', 'top'], '--tty needs a terminal'],
    [['--color-output', 'red', 'work', 'id'], "'red' is not an ANSI colour"],
    [['--color-output', '32', 'work', 'id'], 'a colour needs --filter-escape-chars'],
    [['--service', 'work', 'qubes.Filecopy'], '--service: calls by qrexec'],
    [['--wrong', 'work', 'id'], "unknown option '--wrong'"],
    [['dom0', 'id'], 'dom0 is this machine itself'],
  ])('%j is a usage error', async (argv, message) => {
    const ran = await qvmRun(argv);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(`qvm-run: ${message}`);
    expect(ran.requests).toEqual([]);
  });
});
