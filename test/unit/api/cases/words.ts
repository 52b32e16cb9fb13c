/** Features, tags, notes, labels, devices. */
import { expect } from 'vitest';
import type { Model } from '../../../support/model.ts';
import type { Case, Cases } from '../case.ts';

const feature =
  (name: string, value: string, domain = 'work') =>
  ({ system }: Model) =>
    system.change((change) => system.domain(domain).features.set(change, name, value));
const tag =
  (name: string) =>
  ({ system }: Model) =>
    system.change((change) => system.domain('work').tags.add(change, name));
const label =
  (name: string) =>
  ({ system }: Model) =>
    system.change((change) => system.labels.create(change, name, '0x010203'));

const notSet = ['QubesFeatureNotFoundError', 'Feature not set for domain work: gui'] as const;

/** A look-up that goes on to `beyond`. */
function lookUp(beyond: readonly string[], not: readonly string[]): readonly Case[] {
  return [
    { it: "the domain's own, even empty", given: feature('gui', ''), dest: 'work', arg: 'gui', answer: '' },
    ...beyond.map(
      (name): Case => ({
        it: `that of ${name}`,
        given: feature('gui', '1', name),
        dest: 'work',
        arg: 'gui',
        answer: '1',
      }),
    ),
    ...not.map(
      (name): Case => ({
        it: `not that of ${name}`,
        given: feature('gui', '1', name),
        dest: 'work',
        arg: 'gui',
        refused: notSet,
      }),
    ),
    { it: 'set nowhere', dest: 'work', arg: 'gui', refused: notSet },
  ];
}

export const wordCases = {
  'admin.vm.feature.List': [
    {
      it: 'names them a line each',
      given: async (model) => {
        await feature('service.x', '1')(model);
        await feature('gui', '')(model);
      },
      dest: 'work',
      answer: 'service.x\ngui\n',
    },
    { it: 'none', dest: 'work', answer: '' },
    { it: 'knows the domain', dest: 'nobody', refused: ['QubesVMNotFoundError', /nobody/] },
  ],
  'admin.vm.feature.Get': [
    { it: 'its value', given: feature('gui', 'a b'), dest: 'work', arg: 'gui', answer: 'a b' },
    { it: 'off is empty', given: feature('gui', ''), dest: 'work', arg: 'gui', answer: '' },
    {
      it: "not its template's",
      given: feature('gui', '1', 'base'),
      dest: 'work',
      arg: 'gui',
      refused: notSet,
    },
  ],
  'admin.vm.feature.CheckWithTemplate': lookUp(['base'], ['gateway', 'dom0']),
  'admin.vm.feature.CheckWithNetvm': lookUp(['gateway'], ['base', 'dom0']),
  'admin.vm.feature.CheckWithAdminVM': lookUp(['dom0'], ['base', 'gateway']),
  'admin.vm.feature.CheckWithTemplateAndAdminVM': lookUp(['base', 'dom0'], ['gateway']),
  'admin.vm.feature.Set': [
    {
      it: 'a value',
      dest: 'work',
      arg: 'a.b',
      payload: 'on',
      answer: '',
      after: ({ system }) => expect(system.domain('work').features.get('a.b')).toBe('on'),
    },
    {
      it: 'empty is off',
      dest: 'work',
      arg: 'a.b',
      answer: '',
      after: ({ system }) => expect(system.domain('work').features.get('a.b')).toBe(''),
    },
    {
      it: 'of the AdminVM',
      arg: 'a',
      payload: '1',
      answer: '',
      after: ({ system }) => expect(system.adminVM.features.get('a')).toBe('1'),
    },
    {
      it: 'not ASCII',
      dest: 'work',
      arg: 'a',
      payload: 'é',
      refused: ['ProtocolError', "The value must be ASCII, not '\\xc3\\xa9'"],
    },
    {
      it: 'more than a line',
      dest: 'work',
      arg: 'a',
      payload: 'a\nb',
      refused: ['ProtocolError', "Invalid feature value 'a\\x0ab': printable ASCII only"],
    },
    {
      it: 'an over-long name',
      dest: 'work',
      arg: 'a'.repeat(256),
      payload: '1',
      refused: ['QubesValueError', /1 to 255 printable ASCII characters/],
    },
  ],
  'admin.vm.feature.Remove': [
    {
      it: 'takes it away',
      given: feature('gui', '1'),
      dest: 'work',
      arg: 'gui',
      answer: '',
      after: ({ system }) => expect(system.domain('work').features.get('gui')).toBeUndefined(),
    },
    { it: 'not set', dest: 'work', arg: 'gui', refused: notSet },
  ],

  'admin.vm.tag.List': [
    {
      it: 'in alphabetical order',
      given: async (model) => {
        await tag('b')(model);
        await tag('a')(model);
      },
      dest: 'work',
      answer: 'a\nb\n',
    },
    { it: 'knows the domain', dest: 'nobody', refused: ['QubesVMNotFoundError', /nobody/] },
  ],
  'admin.vm.tag.Get': [
    { it: 'there', given: tag('a'), dest: 'work', arg: 'a', answer: '1' },
    { it: 'not there', dest: 'work', arg: 'a', answer: '0' },
    {
      it: 'no tag at all',
      dest: 'work',
      arg: 'a.b',
      refused: ['QubesInvalidTagError', "Invalid tag 'a.b': letters, digits, '_' and '-' only, at most 255"],
    },
  ],
  'admin.vm.tag.Set': [
    {
      it: 'adds it',
      dest: 'work',
      arg: 'a-b',
      answer: '',
      after: ({ system }) => expect(system.domain('work').tags.has('a-b')).toBe(true),
    },
    { it: 'twice is once', given: tag('a'), dest: 'work', arg: 'a', answer: '' },
    {
      it: 'no tag at all',
      dest: 'work',
      arg: 'a/b',
      refused: ['QubesInvalidTagError', /Invalid tag 'a\/b'/],
    },
  ],
  'admin.vm.tag.Remove': [
    {
      it: 'takes it away',
      given: tag('a'),
      dest: 'work',
      arg: 'a',
      answer: '',
      after: ({ system }) => expect(system.domain('work').tags.has('a')).toBe(false),
    },
    {
      it: 'not there',
      dest: 'work',
      arg: 'a',
      refused: ['QubesTagNotFoundError', 'Tag not set for domain work: a'],
    },
    {
      it: 'no tag at all',
      dest: 'work',
      arg: 'a+b',
      refused: ['QubesInvalidTagError', /Invalid tag 'a\+b'/],
    },
  ],
  'admin.vm.notes.Get': [
    { it: 'none', dest: 'work', answer: '' },
    {
      it: 'as they were written',
      given: ({ system }) => system.change((change) => system.domain('work').setNotes(change, 'ä\n\\b%')),
      dest: 'work',
      answer: 'ä\n\\b%',
    },
    { it: 'knows the domain', dest: 'nobody', refused: ['QubesVMNotFoundError', /nobody/] },
  ],
  'admin.vm.notes.Set': [
    {
      it: 'UTF-8',
      dest: 'work',
      payload: 'Grüße\n\t☃',
      answer: '',
      after: ({ system }) => expect(system.domain('work').notes).toBe('Grüße\n\t☃'),
    },
    {
      it: 'empty',
      dest: 'work',
      answer: '',
      after: ({ system }) => expect(system.domain('work').notes).toBe(''),
    },
    {
      it: 'not UTF-8',
      dest: 'work',
      payload: new Uint8Array([0xff]),
      refused: ['ProtocolError', 'The payload is not UTF-8 text'],
    },
    {
      it: 'control characters',
      dest: 'work',
      payload: 'a\u0007',
      refused: ['ProtocolError', 'Notes must be text, without control characters'],
    },
    {
      it: 'too long',
      dest: 'work',
      payload: 'a'.repeat(256_001),
      refused: ['ProtocolError', 'Notes of 256001 characters are too long; at most 256000'],
    },
  ],

  'admin.label.List': [
    {
      it: 'a line each',
      given: label('pink'),
      answer: 'red\norange\nyellow\ngreen\ngray\nblue\npurple\nblack\npink\n',
    },
    {
      it: 'only the AdminVM',
      dest: 'work',
      refused: ['ProtocolError', 'expected destination to be AdminVM'],
    },
  ],
  'admin.label.Get': [
    { it: 'its colour', arg: 'orange', answer: '0xf57900' },
    {
      it: 'an unknown one',
      arg: 'mauve',
      refused: ['QubesLabelNotFoundError', 'Label does not exist: mauve'],
    },
  ],
  'admin.label.Index': [
    { it: 'its number', arg: 'black', answer: '8' },
    { it: "a user's", given: label('pink'), arg: 'pink', answer: '9' },
    {
      it: 'an unknown one',
      arg: 'mauve',
      refused: ['QubesLabelNotFoundError', 'Label does not exist: mauve'],
    },
  ],
  'admin.label.Create': [
    {
      it: 'makes one',
      arg: 'pink',
      payload: '0xFF00aa',
      answer: '',
      after: (model) =>
        expect(model.disk.records.get('label/pink')).toBe(
          '<label id="label-9" color="0xff00aa">pink</label>',
        ),
    },
    {
      it: 'a taken name',
      arg: 'red',
      payload: '0x000000',
      refused: ['QubesValueError', "A label named 'red' exists already"],
    },
    {
      it: 'no colour',
      arg: 'pink',
      payload: 'ff00aa',
      refused: [
        'QubesInvalidLabelValueError',
        "Invalid label colour 'ff00aa': it must be six hexadecimal digits after 0x",
      ],
    },
    {
      it: 'no name',
      arg: 'p/k',
      payload: '0xff00aa',
      refused: ['QubesInvalidLabelError', "Invalid label name 'p/k': letters, digits, '_', '.' and '-' only"],
    },
  ],
  'admin.label.Remove': [
    {
      it: 'one nobody carries',
      given: label('pink'),
      arg: 'pink',
      answer: '',
      after: (model) => expect(model.disk.records.has('label/pink')).toBe(false),
    },
    {
      it: 'one in use',
      given: async (model) => {
        await label('pink')(model);
        await model.set(model.system.domain('work'), 'label', 'pink');
      },
      arg: 'pink',
      refused: ['QubesLabelInUseError', "Label 'pink' is used by domain work"],
    },
    {
      it: 'a built-in one',
      arg: 'red',
      refused: ['QubesException', "Label 'red' is built in and cannot be removed"],
    },
    {
      it: 'an unknown one',
      arg: 'mauve',
      refused: ['QubesLabelNotFoundError', 'Label does not exist: mauve'],
    },
  ],
  'admin.deviceclass.List': [
    { it: 'a line each', answer: /^([a-z0-9-]+\n)+$/ },
    {
      it: 'only the AdminVM',
      dest: 'work',
      refused: ['ProtocolError', 'expected destination to be AdminVM'],
    },
  ],
} satisfies Cases;
