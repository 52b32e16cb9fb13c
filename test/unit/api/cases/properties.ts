import { expect } from 'vitest';
import { properties as systemProperties } from '../../../../src/app/properties.ts';
import type { Cases } from '../case.ts';

const unknown = ['QubesNoSuchPropertyError', "Invalid property 'nonsense' of domain work"] as const;
const unknownOfSystem = ['QubesNoSuchPropertyError', "Invalid property 'nonsense' of the system"] as const;

export const propertyCases = {
  'admin.vm.property.List': [
    {
      it: 'names them a line each',
      dest: 'work',
      answer: ({ system }) =>
        [...system.domain('work').properties.keys()].map((name) => `${name}\n`).join(''),
    },
    { it: 'serves the AdminVM too', answer: /^uuid\n([a-z0-9_]+\n)*label\n([a-z0-9_]+\n)*$/ },
    { it: 'knows the domain', dest: 'nobody', refused: ['QubesVMNotFoundError', "No such domain: 'nobody'"] },
  ],
  'admin.vm.property.Get': [
    { it: 'a default', dest: 'work', arg: 'vcpus', answer: 'default=True type=int 2' },
    { it: 'a domain', dest: 'work', arg: 'netvm', answer: 'default=False type=vm gateway' },
    { it: 'no domain', dest: 'gateway', arg: 'netvm', answer: 'default=True type=vm ' },
    { it: 'a label', dest: 'work', arg: 'label', answer: 'default=False type=label red' },
    { it: 'a boolean', dest: 'work', arg: 'autostart', answer: 'default=True type=bool False' },
    { it: 'an absent number', dest: 'work', arg: 'stubdom_mem', answer: 'default=True type=int ' },
    { it: 'an absent text', dest: 'base', arg: 'ip', answer: 'default=True type=str ' },
    {
      it: 'by uuid',
      dest: '00000000',
      arg: 'name',
      refused: ['QubesVMNotFoundError', "No such domain: '00000000'"],
    },
    {
      it: 'a value as it is, not escaped',
      given: (model) => model.set(model.system.domain('work'), 'kernelopts', 'a\\n%s'),
      dest: 'work',
      arg: 'kernelopts',
      answer: 'default=False type=str a\\n%s',
    },
    { it: 'an unknown one', dest: 'work', arg: 'nonsense', refused: unknown },
    {
      it: 'none of an object',
      dest: 'work',
      arg: 'constructor',
      refused: ['QubesNoSuchPropertyError', /constructor/],
    },
  ],
  'admin.vm.property.GetAll': [
    {
      it: 'in order of their names, the backslash escaped',
      given: (model) => model.set(model.system.domain('work'), 'kernelopts', 'a\\nb'),
      dest: 'work',
      answer: ({ system }) => {
        const work = system.domain('work');
        const line = (name: string) => {
          const property = work.property(name);
          const value = name === 'kernelopts' ? 'a\\\\nb' : property.format(work.value(property) as never);
          return `${name} default=${work.isDefault(property) ? 'True' : 'False'} type=${property.type} ${value}\n`;
        };
        return [...work.properties.keys()].sort().map(line).join('');
      },
    },
    { it: 'serves the AdminVM too', answer: /\nlabel default=False type=label black\n/ },
    { it: 'knows the domain', dest: 'nobody', refused: ['QubesVMNotFoundError', /nobody/] },
  ],
  'admin.vm.property.GetDefault': [
    { it: 'a number', dest: 'work', arg: 'memory', answer: 'type=int 400' },
    {
      it: 'of one that has a value',
      given: (model) => model.set(model.system.domain('work'), 'memory', '500'),
      dest: 'work',
      arg: 'memory',
      answer: 'type=int 400',
    },
    { it: 'none at all', dest: 'work', arg: 'template', answer: '' },
    { it: 'an empty one', dest: 'work', arg: 'netvm', answer: 'type=vm ' },
    { it: 'an unknown one', dest: 'work', arg: 'nonsense', refused: unknown },
  ],
  'admin.vm.property.Help': [
    { it: 'says what it means', dest: 'work', arg: 'netvm', answer: /^Domain through which .+$/ },
    { it: 'an unknown one', dest: 'work', arg: 'nonsense', refused: unknown },
  ],
  'admin.vm.property.Set': [
    {
      it: 'a value',
      dest: 'work',
      arg: 'memory',
      payload: '500',
      answer: '',
      after: (model) => {
        expect(model.get(model.system.domain('work'), 'memory')).toBe('500');
        expect(model.disk.records.get(`domain/${model.system.domain('work').uuid}`)).toContain('>500<');
      },
    },
    {
      it: 'empty, as none',
      dest: 'work',
      arg: 'netvm',
      answer: '',
      after: ({ system }) => expect(system.domain('work').netvm).toBeNull(),
    },
    {
      it: 'out of range',
      dest: 'work',
      arg: 'memory',
      payload: '0',
      refused: [
        'QubesPropertyValueError',
        "Invalid value for property 'memory': '0': it must be from 1 to 16777216",
      ],
    },
    {
      it: 'not ASCII',
      dest: 'work',
      arg: 'kernelopts',
      payload: 'é',
      refused: ['QubesValueError', "The value must be ASCII, not '\\xc3\\xa9'"],
    },
    {
      it: 'NUL inside',
      dest: 'work',
      arg: 'kernelopts',
      payload: 'a\0b',
      refused: ['QubesValueError', "The value must not hold a NUL byte: 'a\\x00b'"],
    },
    {
      it: 'a computed one',
      dest: 'work',
      arg: 'xid',
      payload: '1',
      refused: ['QubesPropertyValueError', /it is computed and cannot be set/],
    },
    {
      it: 'who it is',
      dest: 'work',
      arg: 'name',
      payload: 'play',
      refused: ['QubesPropertyValueError', /'name' of domain work cannot be changed/],
    },
    {
      it: 'a domain there is not',
      dest: 'work',
      arg: 'netvm',
      payload: 'nobody',
      refused: ['QubesVMNotFoundError', "No such domain: 'nobody'"],
    },
    {
      it: 'a domain without network',
      dest: 'work',
      arg: 'netvm',
      payload: 'base',
      refused: ['QubesValueError', /does not provide network/],
    },
    { it: 'an unknown one', dest: 'work', arg: 'nonsense', payload: '1', refused: unknown },
  ],
  'admin.vm.property.Reset': [
    {
      it: 'goes back',
      given: (model) => model.set(model.system.domain('work'), 'memory', '500'),
      dest: 'work',
      arg: 'memory',
      answer: '',
      after: (model) => expect(model.get(model.system.domain('work'), 'memory')).toBe('400'),
    },
    {
      it: 'has no default',
      dest: 'work',
      arg: 'template',
      refused: ['QubesValueError', /has no default to go back to/],
    },
    { it: 'an unknown one', dest: 'work', arg: 'nonsense', refused: unknown },
  ],

  'admin.property.List': [
    { it: 'names them', answer: [...systemProperties.keys()].map((name) => `${name}\n`).join('') },
    {
      it: 'only the AdminVM',
      dest: 'work',
      refused: ['ProtocolError', 'expected destination to be AdminVM'],
    },
  ],
  'admin.property.Get': [
    { it: 'a default', arg: 'stats_interval', answer: 'default=True type=int 3' },
    { it: 'a domain', arg: 'default_guivm', answer: 'default=True type=vm dom0' },
    { it: 'none', arg: 'default_kernel', answer: 'default=True type=str ' },
    { it: 'an unknown one', arg: 'nonsense', refused: unknownOfSystem },
  ],
  'admin.property.GetAll': [
    {
      it: 'in order of their names',
      answer:
        /^check_updates_vm default=True type=bool True\n(\w+ default=(True|False) type=\w+ .*\n)+updatevm default=True type=vm \n$/,
    },
    {
      it: 'only the AdminVM',
      dest: 'work',
      refused: ['ProtocolError', 'expected destination to be AdminVM'],
    },
  ],
  'admin.property.GetDefault': [
    { it: 'a number', arg: 'stats_interval', answer: 'type=int 3' },
    { it: 'no domain', arg: 'clockvm', answer: 'type=vm ' },
    { it: 'an unknown one', arg: 'nonsense', refused: unknownOfSystem },
  ],
  'admin.property.Help': [
    { it: 'says what it means', arg: 'clockvm', answer: 'Domain that tells the host the time.' },
    { it: 'an unknown one', arg: 'nonsense', refused: unknownOfSystem },
  ],
  'admin.property.Set': [
    {
      it: 'a value',
      arg: 'clockvm',
      payload: 'work',
      answer: '',
      after: (model) => expect(model.disk.records.get('system')).toContain('>work<'),
    },
    {
      it: 'a pool there is not',
      arg: 'default_pool',
      payload: 'x',
      refused: ['QubesPoolNotFoundError', "No such pool: 'x'"],
    },
    { it: 'a computed one', arg: 'maxmem', payload: '1', refused: ['QubesPropertyValueError', /computed/] },
    { it: 'an unknown one', arg: 'nonsense', payload: '1', refused: unknownOfSystem },
  ],
  'admin.property.Reset': [
    {
      it: 'goes back',
      given: ({ system }) =>
        system.change((change) => system.setText(change, system.property('stats_interval'), '9')),
      arg: 'stats_interval',
      answer: '',
      after: (model) => expect(model.disk.records.get('system')).not.toContain('stats_interval'),
    },
    { it: 'an unknown one', arg: 'nonsense', refused: unknownOfSystem },
  ],
} satisfies Cases;
