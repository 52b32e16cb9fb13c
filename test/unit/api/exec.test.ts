import { beforeEach, describe, expect, test } from 'vitest';
import { parseWish, resolveTarget } from '../../../src/api/exec.ts';
import { ProtocolError, QubesException } from '../../../src/base/errors.ts';
import type { DispVM } from '../../../src/vm/disp-vm.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { smallSystem } from '../../support/api.ts';
import { fails, onCall } from '../../support/memory-parts.ts';
import type { Model } from '../../support/model.ts';

const parse = (wish: unknown) => parseWish(typeof wish === 'string' ? wish : JSON.stringify(wish));

describe('what a client asks for', () => {
  test('a command', () => {
    expect(parse({ domain: 'work', command: ['ls', '-l', ''] })).toEqual({
      kind: 'command',
      target: 'work',
      autostart: true,
      request: { argv: ['ls', '-l', ''] },
    });
  });

  test('a command with everything', () => {
    expect(
      parse({
        domain: '@dispvm:dvm',
        command: ['sh'],
        user: 'root',
        cwd: '/tmp',
        autostart: false,
        terminal: { rows: 24, columns: 80, type: 'xterm-256color' },
        environment: { LD_PRELOAD: 'x' },
      }),
    ).toEqual({
      kind: 'command',
      target: '@dispvm:dvm',
      autostart: false,
      request: {
        argv: ['sh'],
        user: 'root',
        cwd: '/tmp',
        terminal: { rows: 24, columns: 80, type: 'xterm-256color' },
      },
    });
  });

  test('a terminal without a type is a dumb one', () => {
    expect(parse({ domain: 'work', command: ['sh'], terminal: { rows: 1, columns: 9999 } })).toMatchObject({
      request: { terminal: { type: 'dumb' } },
    });
  });

  test('a console', () => {
    expect(parse({ domain: 'work', console: true, command: ['x'] })).toEqual({
      kind: 'console',
      target: 'work',
    });
  });

  const command = { domain: 'work', command: ['ls'] };
  test.each([
    ['', /^The request is not JSON: /],
    ['{', /^The request is not JSON: /],
    ['null', 'The request must be a JSON object'],
    ['7', 'The request must be a JSON object'],
    ['[]', 'The request must be a JSON object'],
    [{}, "'domain' must be text"],
    [{ ...command, domain: '' }, "'domain' must be text"],
    [{ ...command, domain: 7 }, "'domain' must be text"],
    [{ ...command, domain: 'a\0b' }, "'domain' must be text"],
    [{ domain: 'work' }, "'command' must be a list of 1 to 1024 arguments"],
    [{ domain: 'work', console: 'true' }, "'command' must be a list of 1 to 1024 arguments"],
    [{ ...command, command: 'ls' }, "'command' must be a list of 1 to 1024 arguments"],
    [{ ...command, command: [] }, "'command' must be a list of 1 to 1024 arguments"],
    [{ ...command, command: Array(1025).fill('x') }, "'command' must be a list of 1 to 1024 arguments"],
    [{ ...command, command: ['ls', 7] }, "Each argument of 'command' must be text without NUL"],
    [{ ...command, command: ['ls', 'a\0b'] }, "Each argument of 'command' must be text without NUL"],
    [{ ...command, cwd: 7 }, "'cwd' must be text"],
    [{ ...command, cwd: '' }, "'cwd' must be text"],
    [{ ...command, terminal: null }, "'terminal' must have 'rows' and 'columns' from 1 to 9999"],
    [
      { ...command, terminal: { rows: 0, columns: 80 } },
      "'terminal' must have 'rows' and 'columns' from 1 to 9999",
    ],
    [
      { ...command, terminal: { rows: 24, columns: 10_000 } },
      "'terminal' must have 'rows' and 'columns' from 1 to 9999",
    ],
    [
      { ...command, terminal: { rows: 2.5, columns: 80 } },
      "'terminal' must have 'rows' and 'columns' from 1 to 9999",
    ],
    [
      { ...command, terminal: { rows: 24, columns: 80, type: 'a b' } },
      "'type' of 'terminal' must be the name of a terminal",
    ],
    [
      { ...command, terminal: { rows: 24, columns: 80, type: 7 } },
      "'type' of 'terminal' must be the name of a terminal",
    ],
  ] as readonly [unknown, string | RegExp][])('%j is refused', (wish, message) => {
    expect(() => parse(wish)).toThrow(ProtocolError);
    expect(() => parse(wish)).toThrow(message);
  });

  test.each(['', 'a b', '-x', 'a/b', 'a'.repeat(33), 7, null, 'ü', 'a\nb'])('user %j is refused', (user) => {
    expect(() => parse({ ...command, user })).toThrow(QubesException);
    expect(() => parse({ ...command, user })).toThrow(
      /^Invalid user '[\x20-\x7e]*': letters, digits and '_-\+,\.' only$/,
    );
  });
});

describe('the domain it is for', () => {
  let model: Model;
  let work: QubesVM;
  beforeEach(async () => {
    model = await smallSystem();
    work = model.system.domain('work') as QubesVM;
  });
  const disposables = () => [...model.system.domains].filter((vm): vm is DispVM => vm.klass === 'DispVM');

  test('is started if need be, and goes on afterwards', async () => {
    const target = await resolveTarget(model.system, 'work', true);
    expect(target.vm).toBe(work);
    await target.release();
    expect(work.powerState).toBe('Running');
  });

  test('is not started when that is not wanted', async () => {
    await expect(resolveTarget(model.system, 'work', false)).rejects.toThrow('Domain work is not running');
    expect(work.powerState).toBe('Halted');
  });

  test('is let go on if it is paused, when that is wanted', async () => {
    await work.start();
    await work.pause();
    await expect(resolveTarget(model.system, 'work', false)).rejects.toThrow('qvm-unpause');
    await resolveTarget(model.system, 'work', true);
    expect(work.powerState).toBe('Running');
  });

  test('must be one that can run', async () => {
    await expect(resolveTarget(model.system, 'dom0', true)).rejects.toThrow(ProtocolError);
    await expect(resolveTarget(model.system, 'nobody', true)).rejects.toThrow("No such domain: 'nobody'");
  });

  test('is a new disposable, gone afterwards', async () => {
    await model.system.change((change) =>
      model.system.setText(change, model.system.property('default_dispvm'), 'dvm'),
    );
    for (const target of ['@dispvm', '@dispvm:dvm']) {
      const { vm, release } = await resolveTarget(model.system, target, false);
      expect([vm.klass, vm.powerState, vm.template?.name]).toEqual(['DispVM', 'Running', 'dvm']);
      await release();
      expect(disposables()).toEqual([]);
      await release();
    }
    expect(model.machine.domains.size).toBe(0);
    expect(model.log.trouble).toEqual([]);
  });

  test('is none when none can be made', async () => {
    await expect(resolveTarget(model.system, '@dispvm', true)).rejects.toThrow('no default_dispvm');
    await expect(resolveTarget(model.system, '@dispvm:work', true)).rejects.toThrow('template_for_dispvms');
    await expect(resolveTarget(model.system, '@dispvm:', true)).rejects.toThrow("No such domain: ''");
    await expect(resolveTarget(model.system, '@dispvmx', true)).rejects.toThrow("No such domain: '@dispvmx'");
    expect(disposables()).toEqual([]);
  });

  test('that cannot be started is no longer there', async () => {
    using _broken = onCall(model.hypervisor, 'start', fails('no such luck'));
    await expect(resolveTarget(model.system, '@dispvm:dvm', true)).rejects.toThrow('no such luck');
    expect(disposables()).toEqual([]);
  });
});
