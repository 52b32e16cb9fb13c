/** Which domains there are; making, removing, starting and stopping them. */
import { expect } from 'vitest';
import type { QubesVM } from '../../../../src/vm/qubes-vm.ts';
import type { Model } from '../../../support/model.ts';
import { type Case, type Cases, start } from '../case.ts';

const machine = (model: Model, name = 'work') => model.system.domain(name) as QubesVM;

function line({ system }: Model, name: string): string {
  const vm = system.domain(name);
  return `${name} class=${vm.klass} state=${vm.powerState} uuid=${vm.uuid}\n`;
}

const nameTaken = [
  'QubesVMAlreadyExistsError',
  'There is already a domain named work; choose another name, or remove it first',
] as const;

/** What creating a domain of any class shows. */
function creation(klass: string, template: string): readonly Case[] {
  return [
    {
      it: 'makes one, tagged with who asked',
      arg: template,
      payload: 'name=new label=blue',
      answer: '',
      after({ system, disk }) {
        const made = system.domain('new');
        expect([made.klass, made.label.name, made.template?.name ?? '', made.tags.sorted()]).toEqual([
          klass,
          'blue',
          template,
          ['created-by-dom0'],
        ]);
        expect(disk.records.get(`domain/${made.uuid}`)).toContain(`class="${klass}"`);
      },
    },
    { it: 'a taken name', arg: template, payload: 'name=work label=blue', refused: nameTaken },
    {
      it: 'no label there is',
      arg: template,
      payload: 'label=mauve name=new',
      refused: ['QubesLabelNotFoundError', 'Label does not exist: mauve'],
    },
  ];
}

const noTemplate = (klass: string): Case => ({
  it: 'has none to take a template from',
  arg: 'base',
  payload: 'name=new label=blue',
  refused: ['QubesValueError', `A ${klass} has no template; leave it out`],
});

const payloads: readonly Case[] = [
  {
    it: 'no name',
    arg: 'base',
    payload: 'label=blue',
    refused: ['ProtocolError', 'Expected name=NAME and label=LABEL'],
  },
  {
    it: 'an empty name',
    arg: 'base',
    payload: 'name= label=blue',
    refused: ['ProtocolError', 'Expected name=NAME and label=LABEL'],
  },
  {
    it: 'a pair without =',
    arg: 'base',
    payload: 'name=new label',
    refused: ['ProtocolError', "Expected KEY=VALUE, not 'label'"],
  },
  {
    it: 'a key twice',
    arg: 'base',
    payload: 'name=new name=old label=blue',
    refused: ['ProtocolError', "The key 'name' is given twice"],
  },
  {
    it: 'an unknown key',
    arg: 'base',
    payload: 'name=new label=blue __proto__=x',
    refused: ['ProtocolError', "Unexpected key '__proto__'"],
  },
  { it: 'not ASCII', arg: 'base', payload: 'name=é label=blue', refused: ['ProtocolError', /must be ASCII/] },
  {
    it: 'a name that is none',
    arg: 'base',
    payload: 'name=a/b label=blue',
    refused: ['QubesValueError', /^Invalid domain name 'a\/b'/],
  },
  {
    it: 'a reserved name',
    arg: 'base',
    payload: 'name=none label=blue',
    refused: ['QubesValueError', /a meaning of its own/],
  },
  {
    it: 'a template there is not',
    arg: 'nobody',
    payload: 'name=new label=blue',
    refused: ['QubesVMNotFoundError', "No such domain: 'nobody'"],
  },
  {
    it: 'a template that is none',
    arg: 'gateway',
    payload: 'name=new label=blue',
    refused: ['QubesPropertyValueError', /it must name a TemplateVM/],
  },
  {
    it: 'no template, and no default one',
    payload: 'name=new label=blue',
    refused: [
      'QubesPropertyValueError',
      'No template was named for the AppVM, and the system has no default one; set it with: qubes-prefs default_template NAME',
    ],
  },
  {
    it: "the system's default template",
    given: ({ system }) =>
      system.change((change) => system.setText(change, system.property('default_template'), 'base')),
    payload: 'name=new label=blue',
    answer: '',
    after: ({ system }) => expect(system.domain('new').template?.name).toBe('base'),
  },
];

const secondPool = ({ system }: Model) =>
  system.change((change) => system.pools.add(change, 'fast', 'memory', {}));

function inPool(template: string, own: readonly string[]): readonly Case[] {
  return [
    {
      it: 'all volumes in one pool',
      given: secondPool,
      arg: template,
      payload: 'name=new label=blue pool=fast',
      answer: '',
      async after(model) {
        const { volumes } = machine(model, 'new');
        expect(own.map((name) => volumes.poolName(name))).toEqual(own.map(() => 'fast'));
        expect((await model.disks.volumes()).filter((place) => place.includes('/new/'))).toEqual(
          own
            .filter((name) => name !== 'volatile')
            .map((name) => `fast:${volumes.config(name).vid}`)
            .sort(),
        );
      },
    },
    {
      it: 'a pool there is not',
      arg: template,
      payload: 'name=new label=blue pool=slow',
      refused: ['QubesPoolNotFoundError', "No such pool: 'slow'"],
    },
    {
      it: 'one pool and some',
      arg: template,
      payload: 'name=new label=blue pool=fast pool:root=fast',
      refused: ['ProtocolError', "Give either 'pool' or 'pool:VOLUME', not both"],
    },
    {
      it: 'no volume there is',
      arg: template,
      payload: 'name=new label=blue pool:swap=fast',
      refused: ['ProtocolError', "Unexpected key 'pool:swap'"],
    },
  ];
}

const running = { dest: 'work', given: start('work') } as const;
const notToHost = {
  it: 'not the AdminVM',
  refused: ['ProtocolError', 'expected destination to not be AdminVM'],
} as const;
const remote = async ({ system }: Model) => {
  const { createDomain } = await import('../../../../src/app/create.ts');
  await createDomain(system, {
    untrustedClass: 'RemoteVM',
    untrustedName: 'far',
    untrustedLabel: 'red',
    untrustedTemplate: '',
  });
};
const notHere = {
  it: 'a remote one',
  given: remote,
  dest: 'far',
  refused: ['ProtocolError', /A RemoteVM cannot be started, stopped/],
} as const;
const state = (model: Model, name = 'work') => machine(model, name).powerState;
const notRunning = {
  it: 'not running',
  dest: 'work',
  refused: [
    'QubesVMNotRunningError',
    'Domain work is not running (it is Halted); start it with: qvm-start work',
  ],
} as const;
const paused = {
  dest: 'work',
  given: async (model: Model) => {
    await start('work')(model);
    await machine(model).pause();
  },
} as const;

export const domainCases = {
  'admin.vmclass.List': [
    {
      it: 'a line each',
      answer: 'AdminVM\nAppVM\nDispVM\nHVM\nNetVM\nProxyVM\nRemoteVM\nStandaloneVM\nTemplateVM\n',
    },
    {
      it: 'only the AdminVM',
      dest: 'work',
      refused: ['ProtocolError', 'expected destination to be AdminVM'],
    },
  ],
  'admin.vm.List': [
    {
      it: 'all, in order of their names',
      given: start('work'),
      answer: (model) => ['base', 'dom0', 'dvm', 'gateway', 'work'].map((name) => line(model, name)).join(''),
    },
    { it: 'one', dest: 'work', answer: (model) => line(model, 'work') },
    { it: 'knows the domain', dest: 'nobody', refused: ['QubesVMNotFoundError', /nobody/] },
    {
      it: 'a uuid that is none',
      dest: 'uuid:x',
      refused: ['QubesVMInvalidUUIDError', "Domain UUID is not valid: 'x'"],
    },
    {
      it: 'a uuid of nobody',
      dest: 'uuid:11111111-1111-4111-8111-111111111111',
      refused: ['QubesVMNotFoundError', /No such domain: 'uuid:1{8}/],
    },
  ],

  'admin.vm.Create.AdminVM': [
    {
      it: 'never',
      payload: 'name=new label=blue',
      refused: ['QubesValueError', 'There is one AdminVM, the host; no other can be made'],
    },
  ],
  'admin.vm.Create.AppVM': [...creation('AppVM', 'base'), ...payloads],
  'admin.vm.Create.DispVM': [
    ...creation('DispVM', 'dvm'),
    {
      it: 'from what makes none',
      arg: 'work',
      payload: 'name=new label=blue',
      refused: ['QubesPropertyValueError', /it must name a domain with template_for_dispvms/],
    },
  ],
  'admin.vm.Create.HVM': creation('HVM', ''),
  'admin.vm.Create.NetVM': creation('NetVM', 'base'),
  'admin.vm.Create.ProxyVM': creation('ProxyVM', 'base'),
  'admin.vm.Create.RemoteVM': [...creation('RemoteVM', ''), noTemplate('RemoteVM')],
  'admin.vm.Create.StandaloneVM': [...creation('StandaloneVM', ''), noTemplate('StandaloneVM')],
  'admin.vm.Create.TemplateVM': [...creation('TemplateVM', ''), noTemplate('TemplateVM')],
  'admin.vm.CreateInPool.AppVM': [
    ...creation('AppVM', 'base'),
    ...inPool('base', ['private', 'volatile']),
    {
      it: 'each volume in its own pool',
      given: secondPool,
      arg: 'base',
      payload: 'name=new label=blue pool:private=fast pool:volatile=varlibqubes',
      answer: '',
      after: (model) =>
        expect(['private', 'volatile'].map((name) => machine(model, 'new').volumes.poolName(name))).toEqual([
          'fast',
          'varlibqubes',
        ]),
    },
  ],
  'admin.vm.CreateInPool.DispVM': [...creation('DispVM', 'dvm'), ...inPool('dvm', ['volatile'])],
  'admin.vm.CreateInPool.HVM': [...creation('HVM', ''), ...inPool('', ['root', 'private', 'volatile'])],
  'admin.vm.CreateInPool.NetVM': [...creation('NetVM', 'base'), ...inPool('base', ['private', 'volatile'])],
  'admin.vm.CreateInPool.ProxyVM': [
    ...creation('ProxyVM', 'base'),
    ...inPool('base', ['private', 'volatile']),
  ],
  'admin.vm.CreateInPool.StandaloneVM': [
    ...creation('StandaloneVM', ''),
    ...inPool('', ['root', 'private', 'volatile']),
  ],
  'admin.vm.CreateInPool.TemplateVM': [
    ...creation('TemplateVM', ''),
    ...inPool('', ['root', 'private', 'volatile']),
  ],
  'admin.vm.CreateDisposable': [
    {
      it: 'from the destination',
      dest: 'dvm',
      answer: ({ system }) => [...system.domains].find((vm) => vm.klass === 'DispVM')?.name ?? '',
      after({ system }) {
        const [made] = [...system.domains].filter((vm) => vm.klass === 'DispVM');
        expect(made?.name).toMatch(/^disp[1-9]\d{0,4}$/);
        expect(made?.name).toBe(`disp${made?.dispid}`);
        expect(made?.tags.sorted()).toEqual(['disp-created-by-dom0']);
        expect(made?.template?.name).toBe('dvm');
      },
    },
    {
      it: "from the system's default",
      given: ({ system }) =>
        system.change((change) => system.setText(change, system.property('default_dispvm'), 'dvm')),
      answer: /^disp\d+$/,
    },
    {
      it: 'there is no default',
      refused: [
        'QubesException',
        'No disposable template was named, and the system has no default_dispvm; set it with: qubes-prefs default_dispvm NAME',
      ],
    },
    {
      it: 'from what makes none',
      dest: 'work',
      refused: [
        'QubesPropertyValueError',
        "Invalid value for property 'template': 'work': it must name a domain with template_for_dispvms",
      ],
    },
  ],
  'admin.vm.Remove': [
    {
      it: 'and its data',
      dest: 'work',
      answer: '',
      async after({ system, disk, disks }) {
        expect(system.domains.find('work')).toBeUndefined();
        expect([...disk.records.values()].join()).not.toContain('>work<');
        expect((await disks.volumes()).join()).not.toContain('/work/');
      },
    },
    {
      it: 'one in use',
      dest: 'base',
      refused: ['QubesVMInUseError', /^Domain base is in use: template of domain gateway; /],
    },
    {
      it: 'a running one',
      ...running,
      refused: [
        'QubesVMNotHaltedError',
        'Domain work cannot be removed while it is Running; shut it down with: qvm-shutdown --wait work',
      ],
    },
    notToHost,
  ],

  'admin.vm.Start': [
    {
      it: 'and its netvm',
      dest: 'work',
      answer: '',
      after: (model) => expect([state(model), state(model, 'gateway')]).toEqual(['Running', 'Running']),
    },
    { it: 'a running one is no error', ...running, answer: '' },
    notHere,
    notToHost,
  ],
  'admin.vm.Shutdown': [
    { it: 'asks', ...running, answer: '', after: (model) => expect(state(model)).not.toBe('Running') },
    {
      it: 'and waits',
      ...running,
      arg: 'wait',
      answer: '',
      after: (model) => expect(state(model)).toBe('Halted'),
    },
    {
      it: 'a netvm in use',
      given: start('work'),
      dest: 'gateway',
      refused: [
        'QubesVMInUseError',
        'Domain gateway is the netvm of running domains (work); shut them down first, or use --force',
      ],
    },
    {
      it: 'a netvm in use all the same',
      given: start('work'),
      dest: 'gateway',
      arg: 'force+wait',
      answer: '',
      after: (model) => expect(state(model, 'gateway')).toBe('Halted'),
    },
    { it: 'words in any order', ...running, arg: 'wait+force', answer: '' },
    {
      it: 'an unknown word',
      ...running,
      arg: 'force+now',
      refused: ['ProtocolError', "Unexpected word in the argument: 'now'; it may hold force and wait"],
    },
    {
      it: 'an empty word',
      ...running,
      arg: 'wait+',
      refused: ['ProtocolError', /Unexpected word in the argument: ''/],
    },
    notRunning,
    notHere,
    notToHost,
  ],
  'admin.vm.Kill': [
    { it: 'at once', ...running, answer: '', after: (model) => expect(state(model)).toBe('Halted') },
    { it: 'a paused one', ...paused, answer: '', after: (model) => expect(state(model)).toBe('Halted') },
    {
      it: 'not started',
      dest: 'work',
      refused: ['QubesVMNotStartedError', 'Domain work is not started; there is nothing to kill'],
    },
    notHere,
    notToHost,
  ],
  'admin.vm.Pause': [
    { it: 'freezes it', ...running, answer: '', after: (model) => expect(state(model)).toBe('Paused') },
    {
      it: 'twice',
      ...paused,
      refused: [
        'QubesVMNotRunningError',
        'Domain work is not running (it is Paused); let it go on with: qvm-unpause work',
      ],
    },
    notRunning,
    notHere,
    notToHost,
  ],
  'admin.vm.Unpause': [
    { it: 'lets it go on', ...paused, answer: '', after: (model) => expect(state(model)).toBe('Running') },
    {
      it: 'not paused',
      ...running,
      refused: ['QubesVMNotPausedError', 'Domain work is not paused (it is Running)'],
    },
    notHere,
    notToHost,
  ],
  'admin.vm.CurrentState': [
    {
      it: 'running',
      ...running,
      answer: /^mem=409600 mem_static_max=4096000 cputime=\d+ power_state=Running$/,
    },
    { it: 'paused', ...paused, answer: /^mem=409600 mem_static_max=4096000 cputime=\d+ power_state=Paused$/ },
    { it: 'halted', dest: 'work', answer: 'mem=0 mem_static_max=4096000 cputime=0 power_state=Halted' },
    { it: 'the AdminVM', answer: 'mem=0 mem_static_max=0 cputime=0 power_state=Running' },
    {
      it: 'one that has just died, which the daemon does not know yet',
      given: async (model) => {
        await start('work')(model);
        model.machine.end(machine(model).uuid);
      },
      dest: 'work',
      answer: 'mem=0 mem_static_max=4096000 cputime=0 power_state=Running',
    },
    { it: 'knows the domain', dest: 'nobody', refused: ['QubesVMNotFoundError', /nobody/] },
  ],
} satisfies Cases;
