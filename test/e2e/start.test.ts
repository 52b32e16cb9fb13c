import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A system beside any other on this machine. Not in /tmp, which may be memory. */
const folder = mkdtempSync('/var/tmp/bulkhead-start-');
const env = { ...process.env, BULKHEAD_STATE: `${folder}/state`, BULKHEAD_RUN: `${folder}/run` };

const STARTER_DOMAINS = ['default-dvm', 'host', 'personal', 'sys-firewall', 'sys-net', 'untrusted', 'work'];
const MINUTES = 60_000;

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

function npm(words: readonly string[], variables: NodeJS.ProcessEnv = env): Promise<Outcome> {
  const began = performance.now();
  return new Promise((resolve) => {
    execFile('npm', words, { env: variables, timeout: 4 * MINUTES }, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? 1) : 0;
      resolve({ code, output: stdout + stderr, seconds: (performance.now() - began) / 1000 });
    });
  });
}

/** What a tool prints. Throws when it fails. */
function tool(name: string, ...args: string[]): string {
  return execFileSync(`bin/${name}`, args, { env, encoding: 'utf8', timeout: MINUTES });
}

function domainNames(): string[] {
  return tool('qvm-ls', '--raw-list')
    .trim()
    .split('\n')
    .filter((name) => name !== 'dom0')
    .sort();
}

describe('npm start and npm stop', () => {
  let first: Outcome;

  beforeAll(async () => {
    expect(
      process.getuid?.(),
      'these tests start containers with id ranges of their own: run them as root',
    ).toBe(0);
    chmodSync(folder, 0o711);
    first = await npm(['start', '--', '--yes']);
  }, 5 * MINUTES);

  afterAll(async () => {
    await npm(['stop']);
    rmSync(folder, { recursive: true });
  }, 2 * MINUTES);

  it('creates the starter system and shows it at work', () => {
    expect(first.output).toContain('The system is running.');
    expect(first.code).toBe(0);
    expect(domainNames()).toEqual(STARTER_DOMAINS);
    expect(first.output).toMatch(/^I am user in work$/m);
    expect(first.output).toMatch(/^I am in disp\d+, gone when this ends$/m);
  });

  it('leaves nothing of the disposable it showed', () => {
    const name = /^I am in (disp\d+)/m.exec(first.output)?.[1] ?? 'none';
    const find = [folder, '-xdev', '-name', `*${name}*`]; // not into what running domains have mounted
    expect(execFileSync('find', find, { encoding: 'utf8' })).toBe('');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(name);
  });

  it('makes its domains the defaults', () => {
    const defaults = ['default_template', 'default_netvm', 'default_dispvm'];
    expect(defaults.map((name) => tool('qubes-prefs', name).trim())).toEqual([
      'host',
      'sys-firewall',
      'default-dvm',
    ]);
    expect(tool('qvm-prefs', 'sys-firewall', 'netvm').trim()).toBe('sys-net');
    expect(tool('qvm-prefs', 'work', 'netvm').trim()).toBe('sys-firewall');
  });

  it('says how to reach a system that lives elsewhere', () => {
    expect(first.output).toContain(`export BULKHEAD_STATE=${folder}/state`);
    expect(first.output).toMatch(/export PATH="\/.*\/bin:\$PATH"/);
  });

  it('is quick the second time, and changes nothing', async () => {
    const before = tool('bulkhead', 'export');
    const second = await npm(['start']);
    expect(second.code).toBe(0);
    expect(second.output).not.toMatch(/Installing|Building|Starting the daemon|Creating/);
    expect(second.seconds).toBeLessThan(5);
    expect(tool('bulkhead', 'export')).toBe(before);
  });

  it('does not bring back what the user removed', async () => {
    tool('qvm-remove', '--force', 'personal');
    expect((await npm(['start'])).code).toBe(0);
    expect(domainNames()).not.toContain('personal');
  });

  it('completes a starter system whose creation was cut short', async () => {
    tool('qvm-features', 'dom0', 'starter-system', 'begun');
    const { code, output } = await npm(['start']);
    expect(code).toBe(0);
    expect(output).toContain('Creating the starter system');
    expect(domainNames()).toEqual(STARTER_DOMAINS);
  });

  it('leaves nothing running or mounted after npm stop, and what was kept is there after npm start', async () => {
    tool('qvm-run', 'work', 'echo kept > ~/file');
    const { code, output } = await npm(['stop']);
    expect(code).toBe(0);
    expect(output).toContain('The daemon has ended.');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder);

    const again = await npm(['start']);
    expect(again.output).not.toContain('Creating');
    expect(tool('qvm-run', 'work', 'cat ~/file').trim()).toBe('kept');
  });

  it('keeps the domains running across daemons when told to', async () => {
    const boot = () => tool('qvm-run', 'work', 'stat -c %Y /proc/1').trim();
    const before = boot();
    expect((await npm(['stop', '--', '--keep-domains'])).code).toBe(0);
    expect((await npm(['start'])).code).toBe(0);
    expect(boot()).toBe(before);
  });

  it('says so when there is nothing to stop', async () => {
    const { code, output } = await npm(['stop'], { ...env, BULKHEAD_RUN: `${folder}/nowhere` });
    expect(code).toBe(0);
    expect(output).toContain('No daemon is running.');
  });
});

describe('npm start when it cannot', () => {
  it('refuses an option it does not know, before it does anything', async () => {
    const { code, output } = await npm(['start', '--', '--wrong']);
    expect(code).toBe(1);
    expect(output).toContain("unknown option '--wrong'");
    expect(output).toContain('Usage:');
  });

  it('refuses a system in a place that depends on where one stands', async () => {
    const { code, output } = await npm(['start'], { ...env, BULKHEAD_STATE: 'here' });
    expect(code).toBe(1);
    expect(output).toContain("BULKHEAD_STATE is 'here'; it must be an absolute path");
    expect(output).not.toContain('    at ');
  });

  it('says why the daemon died', async () => {
    const elsewhere = mkdtempSync('/var/tmp/bulkhead-start-');
    chmodSync(elsewhere, 0o711);
    try {
      writeFileSync(`${elsewhere}/run`, 'a file where a directory should be');
      const variables = { ...env, BULKHEAD_STATE: `${elsewhere}/state`, BULKHEAD_RUN: `${elsewhere}/run` };
      const { code, output, seconds } = await npm(['start'], variables);
      expect(code).toBe(1);
      expect(output).toMatch(/The daemon ended with \d+:/);
      expect(output).toContain(`${elsewhere}/run`);
      expect(seconds).toBeLessThan(20);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });
});
