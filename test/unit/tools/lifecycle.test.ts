import { describe, expect, it } from 'vitest';
import { type Answer, FakeRefusal, fakeDaemon } from '../client/fake-daemon.ts';
import { run, type World } from './run.ts';
import { notFound, SYSTEM } from './system.ts';

async function use(tool: string, argv: string[], answers: Record<string, Answer>, world: World = {}) {
  await using daemon = await fakeDaemon({ ...SYSTEM, ...answers });
  const ran = await run(tool, argv, { ...daemon, ...world });
  const asked = daemon.requests
    .filter(({ method }) => method !== 'admin.vm.List' && method !== 'admin.vm.CurrentState')
    .map(({ method, dest, arg }) =>
      [method.replace(/^admin\.vm\./, ''), dest, arg].filter(Boolean).join(' '),
    );
  return { ...ran, asked: asked.sort() };
}

const STATE =
  (state: string): Answer =>
  () =>
    `mem=0 mem_static_max=0 cputime=0 power_state=${state}`;
const refuse = (name: string, message: string) => () => new FakeRefusal(name, message);

describe('qvm-start', () => {
  it('starts several, and reports only those that fail', async () => {
    const answers: Record<string, Answer> = {
      'admin.vm.CurrentState': STATE('Halted'),
      'admin.vm.Start': ({ dest }) =>
        dest === 'b' ? new FakeRefusal('QubesMemoryError', 'no memory left') : '',
    };
    const ran = await use('qvm-start', ['-v', 'a', 'b', 'c'], answers);
    expect(ran).toMatchObject({ code: 1, err: 'qvm-start: b: no memory left\na: started\nc: started\n' });
    expect(ran.asked).toEqual(['Start a', 'Start b', 'Start c']);
  });

  it('tells of what runs already, unless told to skip it', async () => {
    const answers = { 'admin.vm.CurrentState': STATE('Running') };
    expect(await use('qvm-start', ['work'], answers)).toMatchObject({
      code: 1,
      err: 'qvm-start: work: is running already; --skip-if-running makes that no error\n',
    });
    expect(await use('qvm-start', ['--skip-if-running', 'work'], answers)).toMatchObject({
      code: 0,
      err: '',
      asked: [],
    });
  });

  it('tells how a paused domain goes on', async () => {
    expect(await use('qvm-start', ['work'], { 'admin.vm.CurrentState': STATE('Paused') })).toMatchObject({
      code: 1,
      err: 'qvm-start: work: is paused; let it go on with: qvm-unpause work\n',
      asked: [],
    });
  });

  it('waits for one that is starting already, so that it is ready when this returns', async () => {
    const answers = { 'admin.vm.CurrentState': STATE('Transient'), 'admin.vm.Start': () => '' };
    const ran = await use('qvm-start', ['--skip-if-running', 'work'], answers);
    expect(ran).toMatchObject({ code: 0, err: '', asked: ['Start work'] });
  });

  it('refuses drives', async () => {
    expect(await use('qvm-start', ['--cdrom', 'dom0:/x.iso', 'work'], {})).toMatchObject({
      code: 2,
      asked: [],
    });
  });

  it.each([[[]], [['--all', 'work']], [['--exclude', 'a', 'work']]])('%j is a usage error', async (argv) => {
    expect(await use('qvm-start', argv, {})).toMatchObject({ code: 2, asked: [] });
  });
});

describe('qvm-kill, qvm-pause, qvm-unpause', () => {
  it.each([
    ['qvm-kill', 'admin.vm.Kill'],
    ['qvm-pause', 'admin.vm.Pause'],
    ['qvm-shutdown', 'admin.vm.Shutdown'],
  ])('%s tells what dom0 is', async (tool, method) => {
    const answers = { [method]: refuse('ProtocolError', 'expected destination to not be AdminVM') };
    expect(await use(tool, ['dom0'], answers)).toMatchObject({
      code: 1,
      err: `${tool}: dom0: is this machine itself, and always runs\n`,
    });
  });

  it('take all domains but dom0 and those excluded', async () => {
    const ran = await use('qvm-kill', ['--all', '--exclude', 'work', '--exclude', 'vault'], {
      'admin.vm.Kill': () => '',
    });
    expect(ran.asked).toEqual(['Kill debian', 'Kill sys-firewall', 'Kill sys-net']);
  });

  it('leave alone, of all, what has no state here: broken domains and those of other hosts', async () => {
    const ran = await use('qvm-shutdown', ['--all', '--wait'], {
      'admin.vm.List': () =>
        'bad class=DispVM state=NA uuid=6ecf1d4e-6c0c-4f5c-8d4e-2f6a9d6f8a01\n' +
        'far class=RemoteVM state=NA uuid=6ecf1d4e-6c0c-4f5c-8d4e-2f6a9d6f8a02\n' +
        'work class=AppVM state=Running uuid=6ecf1d4e-6c0c-4f5c-8d4e-2f6a9d6f8a03\n',
      'admin.vm.Shutdown': () => '',
    });
    expect(ran).toMatchObject({ code: 0, asked: ['Shutdown work force+wait'] });
  });

  it('take a halted domain for killed', async () => {
    const answers = { 'admin.vm.Kill': refuse('QubesVMNotStartedError', 'not started') };
    expect(await use('qvm-kill', ['work'], answers)).toMatchObject({ code: 0, err: '' });
  });

  it('resume what was suspended', async () => {
    const answers = {
      'admin.vm.CurrentState': STATE('Suspended'),
      'admin.vm.Resume': () => '',
      'admin.vm.Suspend': () => '',
    };
    expect((await use('qvm-unpause', ['work'], answers)).asked).toEqual(['Resume work']);
    expect((await use('qvm-pause', ['-S', 'work'], answers)).asked).toEqual(['Suspend work']);
    const paused = { 'admin.vm.CurrentState': STATE('Paused'), 'admin.vm.Unpause': () => '' };
    expect((await use('qvm-unpause', ['work'], paused)).asked).toEqual(['Unpause work']);
  });

  it('report an unknown name and a pattern nothing matches', async () => {
    const answers: Record<string, Answer> = { 'admin.vm.Pause': ({ dest }) => notFound(dest) };
    expect(await use('qvm-pause', ['nobody'], answers)).toMatchObject({
      code: 1,
      err: "qvm-pause: nobody: No such domain: 'nobody'\n",
    });
    expect(await use('qvm-pause', ['no*'], answers)).toMatchObject({
      code: 1,
      err: "qvm-pause: No such domain: 'no*'\n",
    });
  });
});

describe('qvm-shutdown', () => {
  it('asks with the words of its options', async () => {
    const answers = { 'admin.vm.Shutdown': () => '' };
    expect((await use('qvm-shutdown', ['--wait', '--force', 'work'], answers)).asked).toEqual([
      'Shutdown work force+wait',
    ]);
    expect((await use('qvm-shutdown', ['work'], answers)).asked).toEqual(['Shutdown work']);
    expect((await use('qvm-shutdown', ['--all', '--exclude', 'work'], answers)).asked).toContain(
      'Shutdown vault',
    );
    expect((await use('qvm-shutdown', ['--all'], answers)).asked).toContain('Shutdown vault force');
  });

  it('tries again what was in use by others that went down', async () => {
    const stopped = new Set<string>();
    const answers: Record<string, Answer> = {
      'admin.vm.Shutdown': ({ dest }) => {
        if (dest === 'sys-net' && !stopped.has('work'))
          return new FakeRefusal('QubesVMInUseError', 'in use by work');
        stopped.add(dest);
        return '';
      },
    };
    expect(await use('qvm-shutdown', ['--wait', 'sys-net', 'work'], answers)).toMatchObject({
      code: 0,
      err: '',
    });
    const alone = await use('qvm-shutdown', ['sys-net'], {
      'admin.vm.Shutdown': refuse('QubesVMInUseError', 'in use by work'),
    });
    expect(alone).toMatchObject({
      code: 1,
      err: 'qvm-shutdown: sys-net: in use by work\n',
      asked: ['Shutdown sys-net'],
    });
  });

  it('kills what does not stop in time, by the clock of the daemon or its own', async () => {
    const answers: Record<string, Answer> = {
      'admin.vm.Shutdown': refuse('QubesVMShutdownTimeoutError', 'timeout'),
      'admin.vm.Kill': () => '',
    };
    const ran = await use('qvm-shutdown', ['--wait', 'work'], answers);
    expect(ran).toMatchObject({ code: 0, err: 'qvm-shutdown: work did not stop in time; killing it\n' });
    expect(ran.asked).toEqual(['Kill work', 'Shutdown work wait']);
    const hanging = {
      ...answers,
      'admin.vm.Shutdown': () => new Promise<string>((resolve) => setTimeout(() => resolve(''), 900)),
    };
    expect((await use('qvm-shutdown', ['--timeout', '0.1', 'work'], hanging)).asked).toContain('Kill work');
  });

  it('takes halted domains for done, and --dry-run for a question', async () => {
    const answers = { 'admin.vm.Shutdown': refuse('QubesVMNotStartedError', 'not started') };
    expect(await use('qvm-shutdown', ['work'], answers)).toMatchObject({ code: 0, err: '' });
    expect(await use('qvm-shutdown', ['--dry-run', 'sys-*', 'vault'], {})).toMatchObject({
      out: 'sys-net\nsys-firewall\n',
      asked: [],
    });
    expect(await use('qvm-shutdown', ['--timeout', 'soon', 'work'], {})).toMatchObject({
      code: 2,
      asked: [],
    });
  });
});

describe('qvm-remove', () => {
  const answers = { 'admin.vm.Remove': () => '' };

  it('asks, and only yes is yes', async () => {
    const yes = await use('qvm-remove', ['work', 'vault'], answers, { input: 'y\n' });
    expect(yes).toMatchObject({ code: 0, asked: ['Remove vault', 'Remove work'] });
    expect(yes.err).toBe('This removes, with everything in them:\n  work\n  vault\nAre you sure? [y/N] ');
    for (const input of ['', '\n', 'n\n', 'yessir\n'])
      expect(await use('qvm-remove', ['work'], answers, { input })).toMatchObject({ code: 1, asked: [] });
  });

  it('wants more than a y for all', async () => {
    expect(await use('qvm-remove', ['--all'], answers, { input: 'y\n' })).toMatchObject({
      code: 1,
      asked: [],
    });
    expect((await use('qvm-remove', ['--all'], answers, { input: 'remove all\n' })).asked).toHaveLength(5);
  });

  it('does not touch dom0', async () => {
    expect(await use('qvm-remove', ['-f', 'dom0', 'work'], answers)).toMatchObject({ code: 1, asked: [] });
  });

  it('removes templates after what runs on them', async () => {
    let used = true;
    const order: Record<string, Answer> = {
      'admin.vm.Remove': ({ dest }) => {
        if (dest === 'debian' && used) return new FakeRefusal('QubesVMInUseError', 'used');
        used = false;
        return '';
      },
    };
    expect(await use('qvm-remove', ['-f', 'debian', 'work'], order)).toMatchObject({ code: 0, err: '' });
  });
});

describe('qvm-create', () => {
  const answers: Record<string, Answer> = {
    'admin.vm.Create.AppVM': () => '',
    'admin.vm.Create.DispVM': () => '',
    'admin.vm.Create.NetVM': () => '',
    'admin.vm.CreateInPool.AppVM': () => '',
    'admin.vm.property.Set': ({ arg }) =>
      arg === 'colour' ? new FakeRefusal('QubesNoSuchPropertyError', 'no such') : '',
  };
  const create = async (...argv: string[]) => {
    await using daemon = await fakeDaemon({ ...SYSTEM, ...answers });
    const ran = await run('qvm-create', argv, daemon);
    return {
      ...ran,
      asked: daemon.requests.map(({ method, dest, arg, payload }) => [method, dest, arg, payload].join(' ')),
    };
  };

  it.each([
    [['-l', 'red', 'new'], ['admin.vm.Create.AppVM dom0  name=new label=red']],
    [['-l', 'red', '-t', 'debian', 'new'], ['admin.vm.Create.AppVM dom0 debian name=new label=red']],
    [['--disp', '-t', 'dvm', 'new'], ['admin.vm.Create.DispVM dom0 dvm name=new label=red']],
    [
      ['--class', 'NetVM', '--prop', 'label=green', 'new'],
      ['admin.vm.Create.NetVM dom0  name=new label=green'],
    ],
    [
      ['-l', 'red', '--property', 'memory=800', '--prop', 'default-user=me', 'new'],
      [
        'admin.vm.Create.AppVM dom0  name=new label=red',
        'admin.vm.property.Set new memory 800',
        'admin.vm.property.Set new default_user me',
      ],
    ],
    [
      ['-l', 'red', '-p', 'private=big', 'new'],
      ['admin.vm.CreateInPool.AppVM dom0  name=new label=red pool:private=big'],
    ],
    [['-l', 'red', '-P', 'big', 'new'], ['admin.vm.CreateInPool.AppVM dom0  name=new label=red pool=big']],
  ])('%j asks for %j', async (argv, asked) => {
    expect(await create(...argv)).toMatchObject({ code: 0, err: '', asked });
  });

  it('says that the domain is there when a property was refused', async () => {
    expect(await create('-l', 'red', '--prop', 'colour=x', 'new')).toMatchObject({
      code: 1,
      err: 'qvm-create: new was created, but its property colour was not set: no such\n',
    });
  });

  it('lists classes, and the labels when one is wrong', async () => {
    expect((await create('--help-classes')).out).toBe('AppVM\nTemplateVM\n');
    answers['admin.vm.Create.AppVM'] = () =>
      new FakeRefusal('QubesLabelNotFoundError', 'Label does not exist: pink');
    expect((await create('-l', 'pink', 'new')).err).toBe(
      'qvm-create: Label does not exist: pink; there are: red, blue, black\n',
    );
  });

  it('lists the classes when one is wrong', async () => {
    answers['admin.vm.Create.Machine'] = () =>
      new FakeRefusal('ProtocolError', "no such method: 'admin.vm.Create.Machine'");
    expect((await create('-C', 'Machine', '-l', 'red', 'new')).err).toBe(
      "qvm-create: There is no class 'Machine'; there are: AppVM, TemplateVM\n",
    );
  });

  it.each([
    [['new']],
    [['-l', 'red']],
    [['-l', 'red', '--prop', 'x', 'new']],
    [['-l', 'red', '-p', 'x', 'new']],
    [['-l', 'red', '-r', 'img', 'new']],
    [['-l', 'red', 'new label=black']],
    [['-l', 'red name=other', 'new']],
  ])('%j is a usage error', async (argv) => {
    expect(await create(...argv)).toMatchObject({ code: 2, asked: [] });
  });
});

describe('qvm-clone', () => {
  const base: Record<string, Answer> = {
    ...SYSTEM,
    'admin.vm.property.List': () => 'label\ntemplate\nmemory\nname\n',
    'admin.vm.property.Get': ({ arg }) =>
      `default=False type=${arg === 'label' ? 'label blue' : 'vm debian'}`,
    'admin.vm.property.GetAll': () =>
      'memory default=False type=int 800\nname default=False type=str work\nlabel default=False type=label blue\nvcpus default=True type=int 2\n',
    'admin.vm.property.Set': () => '',
    'admin.vm.tag.List': () => 'office\ncreated-by-dom0\n',
    'admin.vm.tag.Set': () => '',
    'admin.vm.feature.List': () => 'gui\npreload-dispvm\n',
    'admin.vm.feature.Set': () => '',
    'admin.vm.notes.Get': () => 'note',
    'admin.vm.notes.Set': () => '',
    'admin.vm.volume.List': () => 'root\nprivate\nvolatile\n',
    'admin.vm.volume.Info': ({ arg }) => `save_on_stop=${arg === 'private' ? 'True' : 'False'}\n`,
    'admin.vm.volume.CloneFrom': () => 'token',
    'admin.vm.volume.CloneTo': () => '',
    'admin.vm.Create.AppVM': () => '',
    'admin.vm.Create.StandaloneVM': () => '',
    'admin.vm.Remove': () => '',
  };
  const changes = /Create|Set|Clone|Remove/;

  async function changesOf(tool: string, argv: string[], answers: Record<string, Answer> = {}) {
    await using daemon = await fakeDaemon({ ...base, ...answers });
    const ran = await run(tool, argv, daemon);
    const asked = daemon.requests
      .filter(({ method }) => changes.test(method))
      .map(({ method, dest, arg, payload }) =>
        [method.replace('admin.vm.', ''), dest, arg, payload].join(' '),
      );
    return { ...ran, asked };
  }

  it('copies settings and the volumes that are kept', async () => {
    expect(await changesOf('qvm-clone', ['work', 'copy'])).toMatchObject({
      code: 0,
      err: '',
      asked: [
        'Create.AppVM dom0 debian name=copy label=blue',
        'property.Set copy memory 800',
        'tag.Set copy office ',
        'feature.Set copy gui 1',
        'notes.Set copy  note',
        'volume.CloneFrom work private ',
        'volume.CloneTo copy private token',
      ],
    });
  });

  it('leaves nothing behind when something cannot be copied', async () => {
    const answers = { 'admin.vm.feature.Set': refuse('PermissionDenied', 'no') };
    const ran = await changesOf('qvm-clone', ['work', 'copy'], answers);
    expect(ran).toMatchObject({ code: 1, err: 'qvm-clone: feature gui not copied: no\n' });
    expect(ran.asked.at(-1)).toBe('Remove copy  ');
    const tolerant = await changesOf('qvm-clone', ['--ignore-errors', 'work', 'copy'], answers);
    expect(tolerant).toMatchObject({ code: 0, err: 'qvm-clone: feature gui not copied: no\n' });
    expect(tolerant.asked.at(-1)).toBe('volume.CloneTo copy private token');
  });

  it('makes a standalone domain out of a template without its private files', async () => {
    const { asked } = await changesOf('qvm-create', ['--standalone', '-t', 'debian', '-l', 'red', 'own']);
    expect(asked[0]).toBe('Create.StandaloneVM dom0 debian name=own label=blue');
    expect(asked.at(-1)).toBe('property.Set own label red');
    expect(asked.join()).not.toContain('CloneTo own private');
  });
});
