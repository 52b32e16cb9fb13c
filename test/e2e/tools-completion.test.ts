import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeDaemon, fakeDaemon } from '../unit/client/fake-daemon.ts';
import { SYSTEM } from '../unit/tools/system.ts';

/** The shells themselves complete, with the scripts the tools print and names from a (scripted) daemon. */

const run = promisify(execFile);
const BIN = resolve(import.meta.dirname, '../../bin');

let daemon: FakeDaemon;
let directory: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  daemon = await fakeDaemon(SYSTEM);
  directory = mkdtempSync(join(tmpdir(), 'bulkhead-completion-'));
  env = {
    HOME: directory,
    TERM: 'dumb',
    PATH: `${BIN}${delimiter}${process.env['PATH']}`,
    BULKHEAD_RUN: daemon.run,
    BULKHEAD_FROM_SOURCE: '1',
  };
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout } = await run(join(BIN, 'bulkhead'), ['completion', shell], { env });
    writeFileSync(join(directory, shell), stdout);
  }
});

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await daemon[Symbol.asyncDispose]();
});

/** What each shell must offer at the end of a line: the same of all. */
const LINES: readonly [line: string, offered: readonly string[]][] = [
  ['qvm-ls --for', ['--format']],
  ['qvm-ls -o ne', ['network']],
  ['qvm-ls --class T', ['TemplateVM']],
  ['qvm-start wo', ['work']],
  ['qvm-start work sys-', ['sys-firewall', 'sys-net']],
  ['qvm-create -l b', ['black', 'blue']],
  ['qvm-create -t d', ['debian']],
  ['qvm-prefs work ne', ['netvm']],
  ['qvm-features work service.cu', ['service.cups']],
  ['qvm-tags work a', ['add']],
  ['qvm-tags work del v', ['vpn']],
  ['qvm-service work cups of', ['off']],
  ['qvm-run --no-sh', ['--no-shell']],
  ['qvm-run -u me va', ['vault']],
  ['bulkhead stat', ['status']],
  ['bulkhead template c', ['create']],
  ['bulkhead template create x --from h', ['host']],
  ['bulkhead ls --fie', ['--fields']],
  ['bulkhead start vau', ['vault']],
  ['bulkhead completion f', ['fish']],
];

type Complete = (line: string) => Promise<string[]>;

const completeIn: Record<string, Complete> = {
  /** Calls the completion function as bash does. */
  async bash(line) {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bulkhead; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run(
      'bash',
      ['-c', script, 'bash', join(directory, 'bash'), ...line.split(' ')],
      { env },
    );
    return stdout.split('\n').filter(Boolean);
  },
  async fish(line) {
    const { stdout } = await run(
      'fish',
      ['-N', '-c', `source ${join(directory, 'fish')}; complete -C "${line}"`],
      { env },
    );
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((offer) => offer.split('\t')[0] ?? '');
  },
  /** Types into an interactive zsh, which prints what it would insert. */
  async zsh(line) {
    const { stdout } = await run('zsh', ['-f', '-c', ZSH, 'zsh', join(directory, 'zsh'), line], { env });
    const [, list = ''] = /<<(.*)>>/s.exec(stdout.replaceAll('\r', '')) ?? [];
    return list.split('\n').filter(Boolean);
  },
};

// The inner shell hands every match to compadd; the wrapper keeps those that fit and prints them at the end.
const ZSH = `
zmodload zsh/zpty
zpty inner zsh -f -i
{
  print 'PROMPT= ; autoload -Uz compinit; compinit -D -u; source '$1
  print 'compadd() { local -a kept; builtin compadd -O kept "$@"; matches+=($kept); builtin compadd "$@" }'
  print 'report() { typeset -aU matches=(); _main_complete; print -r -- "<<"; print -rl -- $matches; print -r -- ">>"; exit }'
  print 'zle -C report complete-word report; bindkey "^I" report; print REA""DY'
} | while read -r text; do zpty -w inner "$text"; done
zpty -r -m inner out '*READY*'
zpty -w -n inner "$2"$'\\t'
zpty -r -m inner out '*>>*' && print -r -- "$out"
`;

const onPath = (program: string) =>
  (process.env['PATH'] ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)));

describe.each(Object.keys(completeIn).filter(onPath))('completion in %s', (shell) => {
  it.each(LINES)('%s', async (line, offered) => {
    const found = await (completeIn[shell] as Complete)(line);
    expect(found.map((offer) => offer.trim()).sort()).toEqual(offered);
  });
});

describe('completion in bash, as typed', () => {
  it('inserts a name, and a value after =', async () => {
    const child = spawn('script', ['-qec', 'bash --norc -i', '/dev/null'], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    const says = async (expected: RegExp) => {
      const deadline = Date.now() + 20_000;
      while (!expected.test(output) && Date.now() < deadline)
        await new Promise((done) => setTimeout(done, 20));
      expect(output).toMatch(expected);
      output = '';
    };
    child.stdin.write(`source ${join(directory, 'bash')}; echo rea''dy\n`);
    await says(/ready/);
    child.stdin.write('echo qvm-x; qvm-start va\t');
    await says(/qvm-start vault /);
    child.stdin.write('\x15qvm-run --dispvm=de\t');
    await says(/--dispvm=debian /);
    child.stdin.end('\x15exit\n');
    await new Promise((done) => child.once('exit', done));
  });

  it('runs nothing that a name holds', async () => {
    const trap = join(directory, 'trapped');
    await using hostile = await fakeDaemon({
      'admin.vm.List': () => `$(touch\${IFS}${trap}) class=AppVM\n\`id\` x\nok x\n`,
    });
    const script = `source ${join(directory, 'bash')}; COMP_WORDS=(qvm-start ''); COMP_CWORD=1; _bulkhead; echo "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['-c', script], { env: { ...env, BULKHEAD_RUN: hostile.run } });
    expect(stdout).toBe('ok\n');
    expect(existsSync(trap)).toBe(false);
  });
});
