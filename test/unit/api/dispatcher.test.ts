import { beforeEach, describe, expect, test } from 'vitest';
import { METHODS, type MethodName } from '../../../src/api/contract/methods.ts';
import { PermissionDenied } from '../../../src/base/errors.ts';
import { Api, answerText, type Sent, smallSystem } from '../../support/api.ts';
import type { Model } from '../../support/model.ts';

let model: Model;
let api: Api;
beforeEach(async () => {
  model = await smallSystem();
  api = new Api(model);
});

const raw = async (text: string) => (await api.bytes(Buffer.from(text, 'latin1'))).toString('latin1');
const exception = (type: string, message: string) => `2\0${type}\0\0${message}\0`;
const protocolError = (message: string) => exception('ProtocolError', message);

describe('the form of a request', () => {
  test.each([
    ['', 'The request has no NUL byte after its header'],
    ['admin.vm.List dom0 name dom0', 'The request has no NUL byte after its header'],
    [
      'admin.vm.List dom0 name\0',
      "The request's header must be METHOD+ARGUMENT SOURCE name DESTINATION, not 'admin.vm.List dom0 name'",
    ],
    [
      'admin.vm.List  dom0 name dom0\0',
      "The request's header must be METHOD+ARGUMENT SOURCE name DESTINATION, not 'admin.vm.List  dom0 name dom0'",
    ],
    ['\0', "The request's header must be METHOD+ARGUMENT SOURCE name DESTINATION, not ''"],
    [
      'admin.vm.List dom0 uuid dom0\0',
      "The request's destination must be 'name NAME' or 'keyword adminvm', not 'uuid dom0'",
    ],
    [
      'admin.vm.List dom0 keyword dom0\0',
      "The request's destination must be 'name NAME' or 'keyword adminvm', not 'keyword dom0'",
    ],
  ])('%j is none', async (request, message) => expect(await raw(request)).toBe(protocolError(message)));

  test.each([
    'admin.label.Get+red dom0 name dom0\0',
    'admin.label.Get+red dom0 keyword adminvm\0',
    'admin.label.Get+red uuid:00000000-0000-0000-0000-000000000000 name dom0\0',
    'admin.label.Get+red dom0 name uuid:00000000-0000-0000-0000-000000000000\0',
  ])('%j is one', async (request) => expect(await raw(request)).toBe('0\x000xcc0000'));

  test('only the first plus cuts; a method without one has no argument', async () => {
    expect(await raw('admin.vm.Shutdown+force+wait dom0 name work\0')).toMatch(
      /^2\0QubesVMNotRunningError\0/,
    );
    expect(await raw('admin.label.List dom0 name dom0\0')).toMatch(/^0\0red\n/);
    expect(await raw('admin.vm.feature.Set+a+b dom0 name work\0x')).toBe('0\0');
    expect(await raw('admin.vm.feature.Get+a+b dom0 name work\0')).toBe('0\0x');
  });

  test('a NUL in the payload is not the end of it', async () => {
    expect(await raw('admin.vm.notes.Set dom0 name work\0a\0b')).toBe(
      protocolError('Notes must be text, without control characters'),
    );
  });

  test('a domain is found by its uuid', async () => {
    const { uuid } = model.system.domain('work');
    expect(await api.call('admin.vm.property.Get', { dest: `uuid:${uuid}`, arg: 'name' })).toBe(
      'default=False type=str work',
    );
    expect(await raw(`admin.vm.List dom0 name uuid:${uuid.toUpperCase()}\0`)).toMatch(
      /^2\0QubesVMInvalidUUIDError\0/,
    );
  });
});

describe('the order of checks', () => {
  /** Everything is wrong with it; what is put right uncovers the next refusal. */
  const wrong = { source: 'work', destination: 'nobody', method: 'no.such', argument: '\x07', payload: 'x' };
  const send = (right: Partial<typeof wrong>) => {
    const { source, destination, method, argument, payload } = { ...wrong, ...right };
    return raw(`${method}+${argument} ${source} name ${destination}\0${payload}`);
  };

  test('source, destination, argument, method, payload, argument wanted, destination wanted', async () => {
    const source = 'dom0';
    expect(await send({})).toBe(exception('PermissionDenied', 'Only the AdminVM may call here'));
    expect(await send({ source })).toBe(exception('QubesVMNotFoundError', "No such domain: 'nobody'"));
    const destination = 'work';
    expect(await send({ source, destination })).toBe(
      protocolError("The argument must be printable ASCII without blanks, not '\\x07'"),
    );
    expect(await send({ source, destination, argument: 'x' })).toBe(
      protocolError("no such method: 'no.such'"),
    );
    const method = 'admin.label.List';
    expect(await send({ source, destination, argument: 'x', method })).toBe(
      protocolError('unexpected payload'),
    );
    expect(await send({ source, destination, argument: 'x', method, payload: '' })).toBe(
      protocolError('unexpected argument'),
    );
    expect(await send({ source, destination, argument: '', method, payload: '' })).toBe(
      protocolError('expected destination to be AdminVM'),
    );
  });

  test.each(['toString', '__proto__', 'constructor', 'admin.Events', ''])(
    '%j is no method here',
    async (name) => {
      expect(await raw(`${name} dom0 name dom0\0`)).toBe(protocolError(`no such method: '${name}'`));
    },
  );

  test('a method is named whole, and what is not printable is shown', async () => {
    expect(await raw('admin.label.list\xff dom0 name dom0\0')).toBe(
      protocolError("no such method: 'admin.label.list\\xff'"),
    );
  });
});

describe('who may call', () => {
  const sources = ['work', 'nobody', '', 'DOM0', 'dom0\x07', 'uuid:00000000-0000-0000-0000-000000000001'];

  test.each(sources)('%j learns nothing, whatever it asks', async (source) => {
    const refused = exception('PermissionDenied', 'Only the AdminVM may call here');
    for (const method of [...Object.keys(METHODS), 'no.such'])
      for (const dest of ['dom0', 'work', 'nobody', 'uuid:x'])
        expect(
          (await api.bytes(Buffer.from(`${method}+x ${source} name ${dest}\0x`, 'latin1'))).toString(),
        ).toBe(refused);
  });
});

describe('permission', () => {
  const veto = (method: string) =>
    model.system.events.on(`admin-permission:${method}`, () => {
      throw new PermissionDenied('not today');
    });

  test.each([
    ['admin.vm.Start', { dest: 'work' }],
    ['admin.vm.property.Set', { dest: 'work', arg: 'memory', payload: '500' }],
    ['admin.vm.property.Get', { dest: 'work', arg: 'nonsense' }],
    ['admin.vm.Create.AppVM', { arg: 'base', payload: 'name=new label=red' }],
    ['admin.vm.Create.AppVM', { arg: 'nobody', payload: 'name=work label=mauve' }],
    ['admin.vm.Remove', { dest: 'work' }],
    ['admin.pool.Info', { arg: 'slow' }],
  ] as const)('%s %j is refused before anything is looked at or done', async (method, sent) => {
    using _veto = veto(method);
    const before = new Map(model.disk.records);
    await expect(api.call(method, sent)).rejects.toMatchObject({
      type: 'PermissionDenied',
      message: 'not today',
    });
    expect(model.disk.records).toEqual(before);
    expect((model.system.domain('work') as { powerState?: string }).powerState).toBe('Halted');
  });

  test('a handler is told who asks whom for what', async () => {
    const seen: unknown[] = [];
    using _handler = model.system.events.on('admin-permission:*', (subject, event, { source, dest, arg }) => {
      seen.push([subject?.name, event, source, dest, arg]);
    });
    const { adminVM } = model.system;
    await api.call('admin.vm.feature.CheckWithNetvm', { dest: 'work', arg: 'gui' }).catch(() => {});
    await api.call('admin.label.List');
    expect(seen).toEqual([
      [
        'work',
        'admin-permission:admin.vm.feature.CheckWithNetvm',
        adminVM,
        model.system.domain('work'),
        'gui',
      ],
      ['dom0', 'admin-permission:admin.label.List', adminVM, adminVM, ''],
    ]);
  });

  test('a veto ends with the handler', async () => {
    {
      using _veto = veto('admin.label.List');
      await expect(api.call('admin.label.List')).rejects.toThrow('not today');
    }
    expect(await api.call('admin.label.List')).toContain('red');
  });

  /** Lists only what is not hidden. */
  const hide = (method: MethodName, hidden: (item: unknown) => boolean) =>
    model.system.events.on(`admin-permission:${method}`, (_subject, _event, values) => {
      (values['filters'] as ((item: unknown) => boolean)[]).push((item) => !hidden(item));
    });
  const nameOf = (item: unknown) => (typeof item === 'string' ? item : (item as { name: string }).name);

  test.each([
    ['admin.vm.List', {}, 'work', /^work /m],
    ['admin.vm.List', { dest: 'work' }, 'work', /^work /m],
    ['bulkhead.vm.GetAll', {}, 'work', /"name":"work"/],
    ['admin.vmclass.List', {}, 'HVM', /^HVM$/m],
    ['admin.vm.property.List', { dest: 'work' }, 'memory', /^memory$/m],
    ['admin.vm.property.GetAll', { dest: 'work' }, 'memory', /^memory /m],
    ['admin.property.List', {}, 'clockvm', /^clockvm$/m],
    ['admin.property.GetAll', {}, 'clockvm', /^clockvm /m],
    ['admin.vm.feature.List', { dest: 'work' }, 'gui', /^gui$/m],
    ['admin.vm.tag.List', { dest: 'work' }, 'a', /^a$/m],
    ['admin.vm.volume.List', { dest: 'work' }, 'root', /^root$/m],
    ['admin.label.List', {}, 'red', /^red$/m],
    ['admin.pool.List', {}, 'varlibqubes', /^varlibqubes$/m],
    ['admin.pool.ListDrivers', {}, 'memory', /^memory /m],
    ['admin.deviceclass.List', {}, 'block', /^block$/m],
  ] as readonly [MethodName, Sent, string, RegExp][])(
    '%s %j leaves out what may not be seen',
    async (method, sent, name, line) => {
      await model.system.change((change) => {
        model.system.domain('work').features.set(change, 'gui', '1');
        model.system.domain('work').tags.add(change, 'a');
      });
      expect(await api.call(method, sent)).toMatch(line);
      using _filter = hide(method, (item) => nameOf(item) === name);
      expect(await api.call(method, sent)).not.toMatch(line);
    },
  );

  test('several filters must all agree', async () => {
    using _one = hide('admin.label.List', (item) => nameOf(item) === 'red');
    using _two = hide('admin.label.List', (item) => nameOf(item) === 'blue');
    expect(await api.call('admin.label.List')).toBe('orange\nyellow\ngreen\ngray\npurple\nblack\n');
  });
});

describe('a failure of ours', () => {
  test('is told as no more than that, and logged', async () => {
    using _handler = model.system.events.on('admin-permission:admin.label.List', () => {
      throw new TypeError('secret of the daemon');
    });
    expect(await raw('admin.label.List dom0 name dom0\0')).toBe(
      exception('QubesException', 'Internal error; the daemon has logged it'),
    );
    expect(model.log.trouble).toEqual([
      'error a request failed for a reason of ours error=secret of the daemon',
    ]);
  });

  test('a percent sign and a NUL in a message do not confuse the client', async () => {
    using _handler = model.system.events.on('admin-permission:admin.label.List', () => {
      throw new PermissionDenied('100%s\0 sure');
    });
    const bytes = await api.bytes(Buffer.from('admin.label.List dom0 name dom0\0'));
    expect(bytes.toString()).toBe(exception('PermissionDenied', '100%%s sure'));
    expect(() => answerText(bytes)).toThrow('100%s sure');
  });
});

describe('a broken domain', () => {
  async function breakDomain(name: string): Promise<void> {
    const key = `domain/${model.system.domain(name).uuid}` as const;
    const xml =
      model.disk.records.get(key) ??
      '<domain id="domain-0" class="AdminVM"><properties></properties></domain>';
    model.disk.records.set(
      key,
      xml.replace('<properties>', '<properties><property name="nonsense">1</property>'),
    );
    model = await model.restarted();
    api = new Api(model);
    expect(model.system.domain(name).broken).toContain('nonsense');
  }

  test('can be looked at and removed, nothing else', async () => {
    await breakDomain('work');
    for (const [method, sent] of [
      ['admin.vm.Start', {}],
      ['admin.vm.property.Set', { arg: 'memory', payload: '500' }],
      ['admin.vm.feature.Set', { arg: 'a', payload: '1' }],
      ['admin.vm.tag.Set', { arg: 'a' }],
      ['admin.vm.notes.Set', { payload: 'a' }],
      ['admin.vm.CreateDisposable', {}],
      ['admin.vm.volume.Resize', { arg: 'private', payload: '9' }],
      ['bulkhead.template.Build', { arg: 'host' }],
    ] as const)
      await expect(api.call(method, { ...sent, dest: 'work' })).rejects.toMatchObject({
        type: 'QubesVMError',
        message: expect.stringMatching(/^Domain work is broken: .*It can only be looked at and removed$/),
      });
    for (const method of [
      'admin.vm.List',
      'admin.vm.property.GetAll',
      'admin.vm.feature.List',
      'admin.vm.CurrentState',
      'admin.vm.volume.List',
    ])
      expect(await api.call(method, { dest: 'work' })).toBeTypeOf('string');
    expect(await api.call('admin.vm.List', { dest: 'work' })).toContain('state=NA');
    expect(await api.call('bulkhead.vm.GetAll')).toContain('"broken":"');
    expect(await api.call('admin.vm.Remove', { dest: 'work' })).toBe('');
    expect(await api.call('admin.vm.List')).not.toContain('work');
  });

  test('that is the AdminVM keeps nobody from making others', async () => {
    await breakDomain('dom0');
    expect(await api.call('admin.vm.Create.AppVM', { arg: 'base', payload: 'name=new label=red' })).toBe('');
    await api.call('admin.property.Set', { arg: 'default_dispvm', payload: 'dvm' });
    expect(await api.call('admin.vm.CreateDisposable')).toMatch(/^disp\d+$/);
    await expect(api.call('admin.vm.feature.Set', { arg: 'a', payload: '1' })).rejects.toMatchObject({
      type: 'QubesVMError',
    });
    expect(model.log.trouble.length).toBeGreaterThan(0);
  });
});
