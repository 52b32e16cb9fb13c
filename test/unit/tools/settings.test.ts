import { describe, expect, it } from 'vitest';
import { type Answer, FakeRefusal, fakeDaemon } from '../client/fake-daemon.ts';
import { run, type World } from './run.ts';
import { SYSTEM } from './system.ts';

/** Runs a tool against the small system, with answers of its own, and tells what it asked. */
async function use(tool: string, argv: string[], answers: Record<string, Answer> = {}, world: World = {}) {
  await using daemon = await fakeDaemon({ ...SYSTEM, ...answers });
  const ran = await run(tool, argv, { ...daemon, ...world });
  const asked = daemon.requests.map(({ method, dest, arg, payload }) =>
    [method.replace(/^admin\.vm\./, ''), dest, arg, payload].filter((part) => part !== '').join(' '),
  );
  return { ...ran, asked };
}

const PROPERTIES: Record<string, Answer> = {
  'admin.vm.property.GetAll': () =>
    'netvm default=True type=vm sys-firewall\nmemory default=False type=int 400\nkernelopts default=False type=str a\\nb\ntemplate default=False type=vm \n',
  'admin.vm.property.Get': ({ arg }) =>
    arg === 'netvm'
      ? 'default=True type=vm sys-firewall'
      : new FakeRefusal('QubesNoSuchPropertyError', `Invalid property '${arg}' of work`),
  'admin.vm.property.Set': () => '',
  'admin.vm.property.Reset': () => '',
  'admin.vm.property.Help': ({ arg }) => `What ${arg}\n  means.`,
};

describe('qvm-prefs', () => {
  const prefs = (...argv: string[]) => use('qvm-prefs', argv, PROPERTIES);

  it('lists, marks defaults, and keeps each property on its line', async () => {
    expect((await prefs('work')).out).toBe(
      'kernelopts  -  a?b\nmemory      -  400\nnetvm       D  sys-firewall\ntemplate    -  None\n',
    );
    expect((await prefs('--hide-default', 'work')).out).not.toContain('netvm');
    expect(JSON.parse((await prefs('--json', 'work')).out)).toMatchObject({
      memory: { value: 400, default: false, type: 'int' },
      template: { value: null },
      kernelopts: { value: 'a\nb' },
    });
  });

  it.each([
    [['work', 'memory', '800'], 'property.Set work memory 800'],
    [['work', 'default-user', 'user'], 'property.Set work default_user user'],
    [['work', 'netvm', ''], 'property.Set work netvm'],
    [['-D', 'work', 'netvm'], 'property.Reset work netvm'],
    [['--unset', 'work', 'netvm'], 'property.Reset work netvm'],
  ])('%j asks for %j', async (argv, request) => {
    expect(await prefs(...argv)).toMatchObject({ code: 0, out: '', err: '', asked: [request] });
  });

  it('takes none for no domain where a domain is wanted', async () => {
    expect((await prefs('work', 'netvm', 'None')).asked.at(-1)).toBe('property.Set work netvm');
  });

  it('shows one', async () => {
    expect(await prefs('work', 'netvm')).toMatchObject({ out: 'sys-firewall\n', code: 0 });
    expect(await prefs('--hide-default', 'work', 'netvm')).toMatchObject({ out: '', code: 0 });
  });

  it('explains all', async () => {
    expect((await prefs('--help-properties', 'work')).out).toContain('memory  What memory means.\n');
  });

  it.each([
    [['work', 'memroy'], 1, "qvm-prefs: no such property: 'memroy'; --help-properties lists them\n"],
    [['-D', 'work'], 2, 'qvm-prefs: --default needs the name of a property; see: qvm-prefs --help\n'],
    [
      ['-D', 'work', 'netvm', 'x'],
      2,
      "qvm-prefs: --default and a value ('x') at once; see: qvm-prefs --help\n",
    ],
    [[], 2, "qvm-prefs: missing required argument 'VMNAME'; see: qvm-prefs --help\n"],
  ])('refuses %j', async (argv, code, err) => {
    expect(await prefs(...argv)).toMatchObject({ code, err });
  });
});

describe('qubes-prefs', () => {
  it('asks the system', async () => {
    const answers = { 'admin.property.Get': () => 'default=False type=vm debian' };
    expect(await use('qubes-prefs', ['default_template'], answers)).toMatchObject({
      out: 'debian\n',
      asked: ['admin.property.Get dom0 default_template'],
    });
  });
});

describe('qvm-features', () => {
  const answers = { 'admin.vm.feature.Set': () => '', 'admin.vm.feature.Remove': () => '' };
  const features = (...argv: string[]) => use('qvm-features', argv, answers);

  it('lists them', async () => {
    expect((await features('work')).out).toBe(
      'gui                1\nservice.clocksync\nservice.cups       1\n',
    );
    expect(JSON.parse((await features('--json', 'work')).out)).toEqual({
      gui: '1',
      'service.clocksync': '',
      'service.cups': '1',
    });
  });

  it('shows one, or ends with 1 without a word', async () => {
    expect(await features('work', 'gui')).toMatchObject({ out: '1\n', code: 0 });
    expect(await features('work', 'other')).toMatchObject({ out: '', err: '', code: 1 });
  });

  it.each([
    [['work', 'gui', ''], 'feature.Set work gui'],
    [['work', 'gui', '1'], 'feature.Set work gui 1'],
    [['-D', 'work', 'gui'], 'feature.Remove work gui'],
    [['--default', 'work', 'gui'], 'feature.Remove work gui'],
  ])('%j asks for %j', async (argv, request) => {
    expect(await features(...argv)).toMatchObject({ code: 0, asked: [request] });
  });
});

describe('qvm-service', () => {
  const answers = { 'admin.vm.feature.Set': () => '', 'admin.vm.feature.Remove': () => '' };
  const service = (...argv: string[]) => use('qvm-service', argv, answers);

  it('lists only services', async () => {
    expect((await service('work')).out).toBe('clocksync  off\ncups       on\n');
    expect(JSON.parse((await service('--json', 'work')).out)).toEqual({ clocksync: false, cups: true });
  });

  it.each([
    [['-e', 'work', 'cups'], 'feature.Set work service.cups 1'],
    [['work', 'cups', 'on'], 'feature.Set work service.cups 1'],
    [['-d', 'work', 'cups'], 'feature.Set work service.cups'],
    [['work', 'cups', 'off'], 'feature.Set work service.cups'],
    [['-D', 'work', 'cups'], 'feature.Remove work service.cups'],
  ])('%j asks for %j', async (argv, request) => {
    expect(await service(...argv)).toMatchObject({ code: 0, asked: [request] });
  });

  it('refuses a state that is none', async () => {
    expect(await service('work', 'cups', 'maybe')).toMatchObject({ code: 2, asked: [] });
    expect(await service('-e', '-d', 'work', 'cups')).toMatchObject({ code: 2, asked: [] });
  });
});

describe('qvm-tags', () => {
  const answers: Record<string, Answer> = {
    'admin.vm.tag.Set': () => '',
    'admin.vm.tag.Remove': ({ arg }) =>
      arg === 'gone' ? new FakeRefusal('QubesTagNotFoundError', 'Tag not set') : '',
  };
  const tags = (...argv: string[]) => use('qvm-tags', argv, answers);

  it('lists, and tells of one', async () => {
    expect(await tags('work')).toMatchObject({ out: 'office\nvpn\n', code: 0 });
    expect(await tags('work', 'list', 'vpn')).toMatchObject({ out: 'vpn\n', code: 0 });
    expect(await tags('work', 'ls', 'other')).toMatchObject({ out: '', code: 1 });
    expect((await tags('--json', 'work')).out).toBe('["office","vpn"]\n');
  });

  it('adds and removes several; what is not there is no error', async () => {
    expect((await tags('work', 'add', 'a', 'b')).asked).toEqual(['tag.Set work a', 'tag.Set work b']);
    expect(await tags('work', 'unset', 'gone', 'b')).toMatchObject({ code: 0, err: '' });
  });

  it.each([[['work', 'frob']], [['work', 'add']], [['work', 'list', 'a', 'b']]])(
    'refuses %j',
    async (argv) => {
      expect(await tags(...argv)).toMatchObject({ code: 2, asked: [] });
    },
  );
});

describe('qvm-notes', () => {
  const answers = { 'admin.vm.notes.Get': () => 'first', 'admin.vm.notes.Set': () => '' };
  const notes = (argv: string[], world: World = {}) => use('qvm-notes', argv, answers, world);

  it('prints where there is no terminal, and when asked', async () => {
    expect((await notes(['work'])).out).toBe('first\n');
    expect((await notes(['-p', 'work'], { terminal: true })).out).toBe('first\n');
  });

  it('adds a line, replaces and removes', async () => {
    expect((await notes(['--append', 'second', 'work'])).asked.at(-1)).toBe('notes.Set work first\nsecond');
    expect((await notes(['-s', 'new', 'work'])).asked).toEqual(['notes.Set work new']);
    expect((await notes(['-d', 'work'], { input: 'y\n' })).asked).toEqual(['notes.Set work']);
    expect(await notes(['-d', 'work'], { input: 'n\n' })).toMatchObject({ code: 1, asked: [] });
    expect((await notes(['-f', '-d', 'work'])).asked).toEqual(['notes.Set work']);
  });

  it('edits with $EDITOR and stores only a change', async () => {
    const same = await notes(['-e', 'work'], { env: { EDITOR: 'true' } });
    expect(same).toMatchObject({ code: 0, asked: ['notes.Get work'] });
    const changed = await notes(['-e', 'work'], { env: { VISUAL: 'sed -i s/first/changed/' } });
    expect(changed.asked).toEqual(['notes.Get work', 'notes.Set work changed']);
    const failed = await notes(['-e', 'work'], { env: { EDITOR: 'false' } });
    expect(failed).toMatchObject({ code: 1, asked: ['notes.Get work'] });
    const missing = await notes(['-e', 'work'], { env: { EDITOR: '/nonexistent/ed' } });
    expect(missing.err).toMatch(/cannot be run .*; set EDITOR/);
  });

  it('takes one action only', async () => {
    expect(await notes(['-p', '-s', 'x', 'work'])).toMatchObject({ code: 2, asked: [] });
  });
});

describe('qvm-check', () => {
  it.each([
    [['work'], 0, 'work: exists'],
    [['work', 'nobody'], 1, 'nobody: does not exist'],
    [['--running', 'work'], 0, 'work: running'],
    [['--running', 'vault'], 1, 'none of them: running'],
    [['--running', 'vault', 'work'], 3, 'work: running'],
    [['--paused', 'sys-firewall'], 0, 'sys-firewall: paused'],
    [['--template', 'debian'], 0, 'debian: template'],
    [['--networked', 'work', 'sys-net'], 0, 'sys-net: networked'],
    [['--networked', 'vault'], 1, 'none of them: networked'],
    [['--running', '--networked', 'w*'], 0, 'work: running, networked'],
    [['--all', '--exclude', 'dom0', '--template'], 3, 'debian: template'],
  ])('%j ends with %i', async (argv, code, line) => {
    const loud = await use('qvm-check', argv);
    expect(loud.code).toBe(code);
    expect(loud.err).toContain(`qvm-check: ${line}\n`);
    expect(await use('qvm-check', ['-q', ...argv])).toMatchObject({ code, err: '', out: '' });
  });
});
