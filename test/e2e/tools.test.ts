import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The commands as a user types them, through their launchers, against a daemon of their own with real containers. */

const ROOT = resolve(import.meta.dirname, '../..');
const BIN = join(ROOT, 'bin');

let directory: string;
let env: NodeJS.ProcessEnv;
let daemon: ChildProcess;

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(command: string, argv: readonly string[] = [], input = '', options = {}): Promise<Ran> {
  const child = spawn(command, argv, { env, ...options });
  child.stdin.on('error', () => {}).end(input);
  const ended = new Promise<number | null>((done) => child.once('close', done));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, out, err };
}

const tool = (line: string, input?: string) => {
  const [name = '', ...argv] = line.split(' ');
  return run(join(BIN, name), argv, input);
};

/** For steps that only prepare: fails the test with what the tool said. */
async function succeed(line: string): Promise<string> {
  const { code, out, err } = await tool(line);
  expect({ line, code, err }).toEqual({ line, code: 0, err: '' });
  return out;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'bulkhead-tools-'));
  chmodSync(directory, 0o711); // a container's own root, an ordinary user here, must pass through
  env = {
    PATH: process.env['PATH'],
    HOME: directory,
    BULKHEAD_FROM_SOURCE: '1',
    BULKHEAD_STATE: join(directory, 'state'),
    BULKHEAD_RUN: join(directory, 'run'),
  };
});

describe('without a daemon', () => {
  it('every tool explains itself and names its version', async () => {
    for (const name of ['qvm-ls', 'qvm-run', 'qubes-prefs', 'bulkhead']) {
      expect(await tool(`${name} --help`)).toMatchObject({
        code: 0,
        err: '',
        out: expect.stringContaining(`Usage: ${name} `),
      });
      expect((await tool(`${name} --version`)).out).toMatch(
        new RegExp(`^${name} \\(Bulkhead\\) \\d+\\.\\d+\\.\\d+\n$`),
      );
    }
  });

  it('says how to start one', async () => {
    const { code, out, err } = await tool('qvm-ls');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /^qvm-ls: the Bulkhead daemon is not running \(no answer at .*qubesd\.sock: .*\); start it with: npm start/,
    );
    expect(await tool('qvm-run work id')).toMatchObject({
      code: 255,
      err: expect.stringContaining('is not running'),
    });
  });
});

describe('a launcher', () => {
  it('works by a link, by PATH and by sh', async () => {
    const link = join(directory, 'my-ls');
    symlinkSync(join(BIN, 'qvm-ls'), link);
    expect((await run(link, ['--version'])).out).toMatch(/^qvm-ls /);
    expect(
      (await run('qvm-ls', ['--version'], '', { env: { ...env, PATH: `${BIN}:${env['PATH']}` } })).out,
    ).toMatch(/^qvm-ls /);
    expect((await run('/bin/sh', ['qvm-ls', '--version'], '', { cwd: BIN })).out).toMatch(/^qvm-ls /);
  });
});

describe('with a daemon', () => {
  beforeAll(async () => {
    daemon = spawn(join(BIN, 'bulkhead'), ['daemon'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    daemon.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    const deadline = Date.now() + 30_000;
    while ((await tool('qvm-ls --raw-list')).code !== 0) {
      if (Date.now() > deadline || daemon.exitCode !== null) throw new Error(`no daemon: ${log}`);
      await new Promise((done) => setTimeout(done, 100));
    }
  });

  afterAll(async () => {
    await tool('qvm-kill --all');
    const ended = new Promise((done) => daemon.once('exit', done));
    daemon.kill('SIGTERM');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });

  it('makes a system: a template, a chain of netvms, a domain', async () => {
    await succeed('bulkhead template create host --from host');
    await succeed('qubes-prefs default_template host');
    await succeed('qvm-create --label red --class NetVM --template host net');
    await succeed('qvm-create --label green --class ProxyVM --template host --prop netvm=net fw');
    await succeed('qvm-create --label blue --prop netvm=fw --prop memory=300 work');
    expect(await succeed('qvm-ls --tree -O name,class,label')).toBe(
      [
        'NAME      CLASS       LABEL',
        'dom0      AdminVM     black',
        'host      TemplateVM  black',
        'net       NetVM       red',
        '└─fw      ProxyVM     green',
        '  └─work  AppVM       blue',
        '',
      ].join('\n'),
    );
    expect(JSON.parse(await succeed('qvm-ls --json -O name,netvm work'))).toEqual([
      { name: 'work', netvm: 'fw' },
    ]);
  });

  it('reads back what it set', async () => {
    expect(await succeed('qvm-prefs work memory')).toBe('300\n');
    expect(await succeed('qvm-prefs --hide-default work')).toMatch(/^memory +- {2}300$/m);
    await succeed('qvm-prefs work netvm none');
    expect(await succeed('qvm-prefs work')).toMatch(/^netvm +- {2}None$/m);
    await succeed('qvm-prefs -D work memory');
    expect(await succeed('qvm-prefs work')).toMatch(/^memory +D {2}\d+$/m);
    await succeed('qvm-tags work add office');
    await succeed('qvm-features work gui 1');
    await succeed('qvm-service -e work cups');
    await succeed('qvm-notes work --set remember');
    expect(await succeed('qvm-tags work list office')).toBe('office\n');
    expect(await succeed('qvm-features work')).toBe('gui           1\nservice.cups  1\n');
    expect(await succeed('qvm-service work')).toBe('cups  on\n');
    expect(await succeed('qvm-notes work')).toBe('remember\n');
  });

  it('refuses with the value and the remedy, on one line', async () => {
    for (const line of [
      'qvm-prefs work memory lots',
      'qvm-create -l pink x',
      'qvm-start nobody',
      'qvm-remove -f host',
    ]) {
      const { code, err } = await tool(line);
      expect({ line, code }).toEqual({ line, code: 1 });
      expect(err).toMatch(/^qvm-\w+: [^\n]+\n$/);
      expect(err).toMatch(/lots|pink|nobody|host/);
    }
  });

  it('runs commands in a domain: streams, exit codes, signals', async () => {
    expect(await tool('qvm-run work hostname -s')).toMatchObject({ code: 0, out: 'work\n' });
    expect(await run(join(BIN, 'qvm-run'), ['work', 'echo out; echo err >&2; exit 7'])).toEqual({
      code: 7,
      out: 'out\n',
      err: 'err\n',
    });
    const bytes = 'x'.repeat(3_000_000);
    expect(await tool('qvm-run -p work md5sum', bytes)).toEqual(await run('md5sum', [], bytes));
    const child = spawn(join(BIN, 'qvm-run'), ['work', 'sleep', '60'], { env, stdio: 'ignore' });
    const ended = new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })));
    await expect
      .poll(async () => (await tool('qvm-run work pgrep -c sleep')).out, { timeout: 10_000 })
      .toBe('1\n');
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 143, signal: null });
  });

  it('leaves nothing of a disposable', async () => {
    await succeed('qvm-create --label red --prop template_for_dispvms=True dvm');
    const before = await succeed('qvm-ls --raw-list');
    expect(await tool('qvm-run -p --dispvm=dvm cat', 'hi\n')).toEqual({ code: 0, out: 'hi\n', err: '' });
    await expect.poll(() => succeed('qvm-ls --raw-list'), { timeout: 10_000 }).toBe(before);
  });

  it('copies a domain with its files', async () => {
    await succeed('qvm-run work touch /home/user/kept');
    await succeed('qvm-shutdown --wait work');
    await succeed('qvm-clone work copy');
    expect(await succeed('qvm-run copy ls /home/user')).toBe('kept\n');
    expect(await succeed('qvm-notes copy')).toBe('remember\n');
    expect(await succeed('qvm-tags copy list office')).toBe('office\n');
  });

  it('stops, checks and removes', async () => {
    expect((await tool('qvm-check --running copy')).code).toBe(0);
    await succeed('qvm-pause copy');
    expect((await tool('qvm-check -q --paused copy work')).code).toBe(3);
    await succeed('qvm-unpause copy');
    await succeed('qvm-kill copy');
    expect((await tool('qvm-remove copy', 'n\n')).code).toBe(1);
    expect((await tool('qvm-remove copy', 'y\n')).code).toBe(0);
    expect((await tool('qvm-check -q copy')).code).toBe(1);
  });
});
