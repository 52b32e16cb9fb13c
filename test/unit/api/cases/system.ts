/** Volumes, pools, and what is ours. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import type { QubesVM } from '../../../../src/vm/qubes-vm.ts';
import type { Model } from '../../../support/model.ts';
import { type Cases, start } from '../case.ts';

const directory = mkdtempSync(join(tmpdir(), 'bulkhead-cases-'));
afterAll(() => rmSync(directory, { recursive: true }));

const LONE = `<qubes><labels><label id="label-1" color="0xcc0000">red</label></labels><domains>
<domain id="domain-7" class="StandaloneVM"><properties><property name="name">lone</property><property name="qid">7</property>
<property name="label" ref="label-1"/></properties></domain></domains></qubes>`;

function file(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}

const volume = (model: Model, domain: string, name: string) =>
  (model.system.domain(domain) as QubesVM).volumes.get(name);
const noVolume = {
  it: 'no volume there is',
  dest: 'work',
  arg: 'swap',
  refused: ['QubesVolumeNotFoundError', "Domain work has no volume 'swap'"],
} as const;
const notToHost = {
  it: 'not the AdminVM',
  arg: 'private',
  refused: ['ProtocolError', 'expected destination to not be AdminVM'],
} as const;
const onlyHost = {
  it: 'only the AdminVM',
  dest: 'work',
  refused: ['ProtocolError', 'expected destination to be AdminVM'],
} as const;
/** Leaves an earlier state of base's root behind. */
const written = async (model: Model) => {
  for (const content of ['hello', 'good bye']) {
    await start('base')(model);
    model.disks.write('vm-templates/base/root', 'etc/motd', content);
    await (model.system.domain('base') as QubesVM).kill();
  }
};

export const systemCases = {
  'admin.vm.volume.List': [
    { it: 'a line each', dest: 'work', answer: 'root\nprivate\nvolatile\n' },
    { it: 'of the AdminVM', answer: '' },
    { it: 'knows the domain', dest: 'nobody', refused: ['QubesVMNotFoundError', /nobody/] },
  ],
  'admin.vm.volume.Info': [
    {
      it: "of the domain's own",
      dest: 'work',
      arg: 'private',
      answer:
        'pool=varlibqubes\nvid=appvms/work/private\nsize=2147483648\nusage=0\nrw=True\nsource=\npath=\nsave_on_stop=True\n' +
        'snap_on_start=False\nrevisions_to_keep=0\nephemeral=False\nis_outdated=False\n',
    },
    {
      it: 'of a snapshot',
      dest: 'work',
      arg: 'root',
      answer:
        'pool=varlibqubes\nvid=appvms/work/root\nsize=10737418240\nusage=0\nrw=True\nsource=vm-templates/base/root\npath=\n' +
        'save_on_stop=False\nsnap_on_start=True\nrevisions_to_keep=0\nephemeral=False\nis_outdated=False\n',
    },
    noVolume,
    notToHost,
  ],
  'admin.vm.volume.ListSnapshots': [
    { it: 'none', dest: 'work', arg: 'private', answer: '' },
    { it: 'one a stop', given: written, dest: 'base', arg: 'root', answer: /^\d+\n$/ },
    noVolume,
    notToHost,
  ],
  'admin.vm.volume.Revert': [
    { it: 'to the newest', given: written, dest: 'base', arg: 'root', answer: '' },
    {
      it: 'there is none',
      dest: 'base',
      arg: 'root',
      refused: ['QubesVolumeRevisionNotFoundError', /has no revision/],
    },
    {
      it: 'to an unknown one',
      dest: 'base',
      arg: 'root',
      payload: '17',
      refused: ['QubesVolumeRevisionNotFoundError', "Volume root of base has no revision '17'"],
    },
    {
      it: 'while it runs',
      given: async (model) => {
        await written(model);
        await start('base')(model);
      },
      dest: 'base',
      arg: 'root',
      refused: ['QubesVMNotHaltedError', /Domain base cannot be reverted while it is Running/],
    },
    noVolume,
  ],
  'admin.vm.volume.CloneFrom': [
    { it: 'a token', dest: 'work', arg: 'private', answer: /^[0-9a-f]{32}$/ },
    noVolume,
    notToHost,
  ],
  'admin.vm.volume.CloneTo': [
    {
      it: 'a token of nobody',
      dest: 'work',
      arg: 'private',
      payload: '0'.repeat(32),
      refused: [
        'QubesVolumeCopyTokenNotFoundError',
        'No volume is waiting to be cloned with this token; get one with admin.vm.volume.CloneFrom',
      ],
    },
    { ...noVolume, payload: 'x' },
  ],
  'admin.vm.volume.Resize': [
    {
      it: 'larger, for good',
      dest: 'work',
      arg: 'private',
      payload: '3000000000',
      answer: '',
      after: async (model) => {
        const later = await model.restarted();
        expect(volume(later, 'work', 'private').config.size).toBe(3_000_000_000);
      },
    },
    {
      it: 'smaller',
      dest: 'work',
      arg: 'private',
      payload: '1',
      refused: ['ProtocolError', 'Volume private of work has 2147483648 bytes and cannot become smaller (1)'],
    },
    {
      it: 'no number',
      dest: 'work',
      arg: 'private',
      payload: '1e9',
      refused: ['ProtocolError', "Expected a whole number, not '1e9'"],
    },
    {
      it: 'negative',
      dest: 'work',
      arg: 'private',
      payload: '-1',
      refused: ['ProtocolError', /whole number/],
    },
    { ...noVolume, payload: '1' },
  ],
  'admin.vm.volume.Set.revisions_to_keep': [
    {
      it: 'for good',
      dest: 'base',
      arg: 'root',
      payload: '3',
      answer: '',
      after: async (model) =>
        expect(volume(await model.restarted(), 'base', 'root').config.revisionsToKeep).toBe(3),
    },
    {
      it: 'too many',
      dest: 'base',
      arg: 'root',
      payload: '101',
      refused: ['ProtocolError', 'At most 100 revisions can be kept, not 101'],
    },
    {
      it: 'no number',
      dest: 'base',
      arg: 'root',
      payload: 'many',
      refused: ['ProtocolError', "Expected a whole number, not 'many'"],
    },
    { ...noVolume, payload: '1' },
  ],

  'admin.pool.List': [{ it: 'a line each', answer: 'varlibqubes\n' }, onlyHost],
  'admin.pool.ListDrivers': [{ it: 'with their parameters', answer: 'memory colour\n' }, onlyHost],
  'admin.pool.Info': [
    {
      it: 'its configuration and use',
      arg: 'varlibqubes',
      answer: /^name=varlibqubes\ndriver=memory\nsize=\d+\nusage=\d+\n$/,
    },
    { it: 'an unknown one', arg: 'slow', refused: ['QubesPoolNotFoundError', "No such pool: 'slow'"] },
  ],

  'bulkhead.Status': [
    {
      it: 'counts and engines',
      given: start('work'),
      answer: `{"version":"0","pid":${process.pid},"domains":5,"started":2,"engines":[{"name":"memory","modes":["container"],"missing":[]}]}`,
    },
    onlyHost,
  ],
  'bulkhead.Check': [{ it: 'nothing wrong', answer: '{"problems":[]}' }, onlyHost],
  'bulkhead.Export': [
    { it: 'a document', answer: /^<\?xml version="1.0" encoding="utf-8"\?>\n<qubes>\n[\s\S]*<\/qubes>\n$/ },
    onlyHost,
  ],
  'bulkhead.Import': [
    {
      it: 'a report',
      payload: file('lone.xml', LONE),
      answer:
        '{"domains":["lone"],"warnings":["lone: virt_mode was left to Qubes\' default and is now set to pvh"]}',
      after: ({ system }) => expect(system.domain('lone').qid).toBe(7),
    },
    {
      it: 'keeping what exists',
      payload: file('work.xml', LONE.replaceAll('lone', 'work')),
      arg: 'skip-existing',
      answer:
        /^\{"domains":\[\],"warnings":\[.*"work: left out; the domain of that name that exists here is kept"\]\}$/,
    },
    {
      it: 'a name that exists',
      payload: join(directory, 'work.xml'),
      refused: ['QubesVMAlreadyExistsError', /named work; nothing was imported/],
    },
    {
      it: 'an unknown word',
      arg: 'now',
      payload: '/x',
      refused: ['ProtocolError', "The argument may be skip-existing, not 'now'"],
    },
    {
      it: 'a relative path',
      payload: 'x.xml',
      refused: ['QubesValueError', "Expected an absolute path, not 'x.xml'"],
    },
    {
      it: 'no file there is',
      payload: `${directory}/none`,
      refused: ['QubesValueError', /^Cannot read '.*none': ENOENT/],
    },
    {
      it: 'a directory',
      payload: directory,
      refused: ['QubesValueError', /^Cannot read '.*': it is not a file/],
    },
    {
      it: 'a device without end',
      payload: '/dev/zero',
      refused: ['QubesValueError', /^Cannot read '\/dev\/zero': it is not a file/],
    },
    { it: 'no XML', payload: file('no.xml', '<qubes>'), refused: ['QubesValueError', /./] },
    {
      it: 'another kind of XML',
      payload: file('other.xml', '<domains/>'),
      refused: ['QubesValueError', /^This is not a qubes.xml/],
    },
    {
      it: 'not UTF-8',
      payload: new Uint8Array([0x2f, 0xff]),
      refused: ['ProtocolError', 'The payload is not UTF-8 text'],
    },
  ],
  'bulkhead.vm.GetAll': [
    {
      it: 'what was asked for',
      payload: '{"properties":["netvm","memory","nonsense","constructor"]}',
      answer: ({ system }) =>
        JSON.stringify(
          ['base', 'dom0', 'dvm', 'gateway', 'work'].map((name) => {
            const vm = system.domain(name);
            const netvm =
              name === 'work'
                ? { value: 'gateway', default: false, type: 'vm' }
                : { value: '', default: true, type: 'vm' };
            return {
              name,
              class: vm.klass,
              state: vm.powerState,
              uuid: vm.uuid,
              properties:
                name === 'dom0' ? {} : { netvm, memory: { value: '400', default: true, type: 'int' } },
              features: {},
              tags: name === 'dom0' ? [] : vm.tags.sorted(),
            };
          }),
        ),
    },
    { it: 'everything', answer: /"provides_network":\{"value":"True","default":true,"type":"bool"\}/ },
    { it: 'no JSON', payload: '{', refused: ['ProtocolError', /^The payload is not JSON: /] },
    { it: 'no object', payload: '7', refused: ['ProtocolError', 'The payload must be a JSON object'] },
    {
      it: 'no names',
      payload: '{"properties":[1]}',
      refused: ['ProtocolError', "'properties' must be a list of names"],
    },
  ],
  'bulkhead.template.Build': [
    {
      it: 'from what there is not',
      dest: 'base',
      arg: 'windows',
      refused: ['QubesValueError', /^A template cannot be built from 'windows'; it can from /],
    },
    notToHost,
  ],
} satisfies Cases;
