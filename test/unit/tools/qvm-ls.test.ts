import { describe, expect, it } from 'vitest';
import { type FakeDaemon, fakeDaemon } from '../client/fake-daemon.ts';
import { type Ran, run } from './run.ts';
import { SYSTEM } from './system.ts';

async function ls(...argv: string[]): Promise<Ran & { daemon: FakeDaemon }> {
  await using daemon = await fakeDaemon(SYSTEM);
  return { ...(await run('qvm-ls', argv, daemon)), daemon };
}

const namesOf = async (...argv: string[]) => (await ls('--raw-list', ...argv)).out.split('\n').slice(0, -1);

describe('qvm-ls', () => {
  it('prints an aligned table, in one round trip', async () => {
    const { out, err, code, daemon } = await ls();
    expect({ err, code }).toEqual({ err: '', code: 0 });
    expect(out).toBe(
      [
        'NAME          STATE    CLASS       LABEL  TEMPLATE  NETVM',
        'debian        Halted   TemplateVM  black  -         -',
        'dom0          Running  AdminVM     black  -         -',
        'sys-firewall  Paused   ProxyVM     green  debian    sys-net',
        'sys-net       Running  NetVM       red    debian    -',
        'vault         Halted   AppVM       black  debian    -',
        'work          Running  AppVM       blue   debian    sys-firewall',
        '',
      ].join('\n'),
    );
    expect(daemon.requests.map(({ method }) => method)).toEqual(['bulkhead.vm.GetAll']);
  });

  it('needs no properties for names', async () => {
    const { daemon } = await ls('--raw-list');
    expect(daemon.requests.map(({ method }) => method)).toEqual(['admin.vm.List']);
  });

  it('draws the netvm chain', async () => {
    const { out } = await ls('--tree', '-O', 'name,netvm');
    expect(
      out
        .split('\n')
        .slice(1, -1)
        .map((line) => line.replace(/\s+\S+$/, '')),
    ).toEqual(['debian', 'dom0', 'vault', 'sys-net', '└─sys-firewall', '  └─work']);
  });

  it('lists JSON with values of their own type', async () => {
    const { out } = await ls('--json', '-O', 'name,autostart,netvm,provides-network', 'work', 'sys-net');
    expect(JSON.parse(out)).toEqual([
      { name: 'sys-net', autostart: null, netvm: null, provides_network: true },
      { name: 'work', autostart: true, netvm: 'sys-firewall', provides_network: null },
    ]);
  });

  it('takes any property as a column, dashes or underscores, and right-aligns numbers', async () => {
    const { out } = await ls('-O', 'name,provides-network', 'sys-net', 'work');
    expect(out).toBe('NAME     PROVIDES-NETWORK\nsys-net  True\nwork     -\n');
  });

  it('refuses a column that nothing has', async () => {
    const { code, err } = await ls('-O', 'name,colour');
    expect(code).toBe(2);
    expect(err).toMatch(/^qvm-ls: no column and no property is called 'colour'/);
  });

  it.each([
    [['--running'], ['dom0', 'sys-net', 'work']],
    [
      ['--running', '--paused'],
      ['dom0', 'sys-firewall', 'sys-net', 'work'],
    ],
    [['--halted', '--class', 'AppVM'], ['vault']],
    [
      ['--class', 'NetVM', 'ProxyVM'],
      ['sys-firewall', 'sys-net'],
    ],
    [
      ['--label', 'red', 'blue'],
      ['sys-net', 'work'],
    ],
    [['--tags', 'office'], ['work']],
    [
      ['--all', '--exclude-tags', 'office', '--exclude', 'dom0'],
      ['debian', 'sys-firewall', 'sys-net', 'vault'],
    ],
    [['--netvm-is', 'sys-firewall'], ['work']],
    [['--netvm-is', '', '--class', 'AppVM'], ['vault']],
    [['--template-source', 'debian', '--label', 'black'], ['vault']],
    [['--internal', 'y'], ['sys-firewall']],
    [['--features', 'service.cups=1'], ['work']],
    [['--features', 'service.cups=', '--class', 'AppVM'], ['vault']],
    [
      ['--prefs', 'provides_network=True'],
      ['sys-firewall', 'sys-net'],
    ],
    [['sys-*'], ['sys-firewall', 'sys-net']],
    [['[vw]*'], ['vault', 'work']],
  ])('filters by %j', async (argv, expected) => {
    expect(await namesOf(...argv)).toEqual(expected);
  });

  it('sorts by a column that is not shown, numbers as numbers', async () => {
    expect(await namesOf('--sort', 'gateway')).toEqual([
      'work',
      'debian',
      'dom0',
      'sys-firewall',
      'sys-net',
      'vault',
    ]);
    expect(await namesOf('--reverse')).toEqual([
      'work',
      'vault',
      'sys-net',
      'sys-firewall',
      'dom0',
      'debian',
    ]);
  });

  it('separates raw cells with |', async () => {
    expect((await ls('--raw-data', '-O', 'name,netvm,flags', 'work', 'vault')).out).toBe(
      'vault|-|a-------\nwork|sys-firewall|ar-----A\n',
    );
  });

  it.each([
    [['nobody'], 1, "qvm-ls: No such domain: 'nobody'\n"],
    [['--features', 'x'], 2, "qvm-ls: --features 'x' is not of the form NAME=VALUE; see: qvm-ls --help\n"],
    [['--all', 'work'], 2, "qvm-ls: --all and a name ('work') at once; see: qvm-ls --help\n"],
    [['--format', 'pretty'], 2, /^qvm-ls: option '-o, --format <FORMAT>' argument 'pretty' is invalid/],
    [['--fields', 'a,,b'], 2, /empty column name/],
  ])('refuses %j', async (argv, code, message) => {
    const ran = await ls(...argv);
    expect(ran.code).toBe(code);
    if (typeof message === 'string') expect(ran.err).toBe(message);
    else expect(ran.err).toMatch(message);
  });

  it('says when no daemon answers', async () => {
    const { code, err } = await run('qvm-ls', []);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^qvm-ls: the Bulkhead daemon is not running \(no answer at .*; start it with: npm start/,
    );
    expect(err.trimEnd()).not.toContain('\n');
  });

  it('asks for volumes only of the domains shown', async () => {
    await using daemon = await fakeDaemon({
      ...SYSTEM,
      'admin.vm.volume.List': () => 'root\nprivate\n',
      'admin.vm.volume.Info': ({ arg }) =>
        `pool=default\nsize=${arg === 'root' ? 10 : 4}194304\nusage=1048576\n`,
    });
    const { out } = await run('qvm-ls', ['--disk', 'work', 'vault'], daemon);
    expect(out.split('\n')).toEqual([
      'NAME   STATE    DISK  PRIV-CURR  PRIV-MAX  PRIV-USED  ROOT-CURR  ROOT-MAX  ROOT-USED',
      'vault  Halted      2          1         4        25%          1         9        10%',
      'work   Running     2          1         4        25%          1         9        10%',
      '',
    ]);
    expect(
      new Set(daemon.requests.filter(({ method }) => method.includes('volume')).map(({ dest }) => dest)),
    ).toEqual(new Set(['work', 'vault']));
  });

  it('colours only on a terminal, and not when NO_COLOR is set', async () => {
    await using daemon = await fakeDaemon(SYSTEM);
    const onTerminal = await run('qvm-ls', ['work'], { ...daemon, terminal: true });
    const without = await run('qvm-ls', ['work'], { ...daemon, terminal: true, env: { NO_COLOR: '1' } });
    expect(onTerminal.out).toContain('\x1b[34mblue \x1b[0m');
    expect(without.out).not.toContain('\x1b');
  });
});
