import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Answer, FakeRefusal, fakeDaemon } from '../client/fake-daemon.ts';
import { run } from './run.ts';
import { SYSTEM } from './system.ts';

async function bulkhead(argv: string[], answers: Record<string, Answer> = {}) {
  await using daemon = await fakeDaemon({ ...SYSTEM, ...answers });
  const ran = await run('bulkhead', argv, daemon);
  const asked = daemon.requests.map(({ method, dest, arg, payload }) =>
    [method, dest, arg, payload].filter((part) => part !== '').join(' '),
  );
  return { ...ran, asked };
}

const directory = mkdtempSync(join(tmpdir(), 'bulkhead-umbrella-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('bulkhead status', () => {
  const STATUS = JSON.stringify({
    version: '1.2.3',
    domains: 4,
    engines: [
      { name: 'oci', modes: ['container'], missing: [] },
      { name: 'libvirt', modes: ['hvm', 'pvh'], missing: ['libvirtd does not answer; start it'] },
    ],
  });

  it('says what each engine can run, and what it misses', async () => {
    expect((await bulkhead(['status'], { 'bulkhead.Status': () => STATUS })).out).toBe(
      [
        'version         1.2.3',
        'domains         4',
        'engine oci      container: ready',
        'engine libvirt  hvm, pvh: not usable:',
        '                - libvirtd does not answer; start it',
        '',
      ].join('\n'),
    );
    const { out } = await bulkhead(['status', '--json'], { 'bulkhead.Status': () => STATUS });
    expect(JSON.parse(out)).toEqual(JSON.parse(STATUS));
  });
});

describe('bulkhead check', () => {
  it('ends with 1 when something is wrong', async () => {
    const well = await bulkhead(['check'], { 'bulkhead.Check': () => '{"problems":[]}' });
    expect(well).toMatchObject({ code: 0, out: 'Nothing is wrong.\n' });
    const ill = await bulkhead(['check'], {
      'bulkhead.Check': () => '{"problems":[{"about":"work","problem":"its root is\\u001b gone"}]}',
    });
    expect(ill).toMatchObject({ code: 1, out: 'work: its root is\\x1b gone\n' });
  });
});

describe('bulkhead import and export', () => {
  it('hands over an absolute path and shows the warnings', async () => {
    const answers = { 'bulkhead.Import': () => '{"domains":["a","b"],"warnings":["c: unknown class"]}' };
    const ran = await bulkhead(['import', '--skip-existing', 'x.xml'], answers);
    expect(ran).toMatchObject({
      code: 0,
      out: 'Imported 2 domains; qvm-ls shows them.\n',
      err: 'bulkhead import: c: unknown class\n',
      asked: [`bulkhead.Import dom0 skip-existing ${process.cwd()}/x.xml`],
    });
  });

  it('writes a file, and replaces one only when forced', async () => {
    const answers = { 'bulkhead.Export': () => '<qubes/>' };
    const file = join(directory, 'out.xml');
    expect((await bulkhead(['export'], answers)).out).toBe('<qubes/>');
    writeFileSync(file, 'precious');
    const refused = await bulkhead(['export', file], answers);
    expect(refused).toMatchObject({
      code: 1,
      err: `bulkhead export: '${file}' exists; choose another name, or replace it with --force\n`,
    });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(await bulkhead(['export', '-f', file], answers)).toMatchObject({ code: 0, out: '' });
    expect(readFileSync(file, 'utf8')).toBe('<qubes/>');
  });
});

describe('bulkhead template create', () => {
  const answers: Record<string, Answer> = {
    'admin.vm.Create.TemplateVM': () => '',
    'admin.vm.Remove': () => '',
    'bulkhead.template.Build': () => '',
  };

  it('creates and fills one', async () => {
    expect(await bulkhead(['template', 'create', 'new', '--from', 'host'], answers)).toMatchObject({
      code: 0,
      asked: ['admin.vm.Create.TemplateVM dom0 name=new label=black', 'bulkhead.template.Build new host'],
    });
  });

  it('leaves none behind that could not be filled', async () => {
    const failing = {
      ...answers,
      'bulkhead.template.Build': () => new FakeRefusal('QubesException', 'no debootstrap'),
    };
    const ran = await bulkhead(['template', 'create', 'new', '--from', 'debian'], failing);
    expect(ran).toMatchObject({ code: 1, err: 'bulkhead template create: no debootstrap\n' });
    expect(ran.asked.at(-1)).toBe('admin.vm.Remove new');
  });

  it('knows two sources', async () => {
    expect(await bulkhead(['template', 'create', 'new', '--from', 'arch'], answers)).toMatchObject({
      code: 2,
      asked: [],
    });
  });
});

describe('bulkhead names', () => {
  it.each([
    [['templates'], 'debian\n'],
    [['labels'], 'black\nblue\nred\n'],
    [['properties', 'work'], 'label\nmemory\nnetvm\n'],
    [['tags'], 'office\n'],
    [['tags', 'work'], 'office\nvpn\n'],
    [['features'], 'internal\nservice.cups\n'],
  ])('%j', async (argv, out) => {
    expect(await bulkhead(['names', ...argv])).toMatchObject({ code: 0, out });
  });

  it('refuses other kinds', async () => {
    expect(await bulkhead(['names', 'planets'])).toMatchObject({ code: 2, out: '' });
  });
});

describe('bulkhead', () => {
  it.each([[[]], [['frobnicate']], [['template']], [['completion', 'tcsh']], [['import']]])(
    '%j is a usage error',
    async (argv) => {
      expect(await bulkhead(argv)).toMatchObject({ code: 2, asked: [] });
    },
  );

  it('names the command it does not know', async () => {
    expect((await bulkhead(['frobnicate'])).err).toBe(
      "bulkhead: there is no command 'frobnicate'; see: bulkhead --help\n",
    );
  });
});
