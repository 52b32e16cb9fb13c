import { beforeEach, expect, test } from 'vitest';
import type { StoreKey } from '../../../src/app/store/store.ts';
import { QubesVMError } from '../../../src/base/errors.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { Model } from '../../support/model.ts';

let model: Model;
let work: BaseVM;

beforeEach(async () => {
  model = await Model.make();
  await model.add('TemplateVM', 'base');
  work = await model.add('AppVM', 'work', { template: 'base' });
  await model.add('AppVM', 'personal', { template: 'base' });
});

const keyOf = (vm: BaseVM): StoreKey => `domain/${vm.uuid}`;

/** What became of the domains when one record was changed behind the daemon's back. */
async function afterDamage(vm: BaseVM, damage: (xml: string) => string): Promise<Model> {
  const xml = model.disk.records.get(keyOf(vm)) as string;
  const damaged = damage(xml);
  expect(damaged).not.toBe(xml);
  model.disk.records.set(keyOf(vm), damaged);
  return model.restarted();
}

const brokenNames = ({ system }: Model) =>
  [...system.domains].filter(({ broken }) => broken !== undefined).map(({ name }) => name);

test.each<[why: string, damage: (xml: string) => string, said: string]>([
  ['it is not XML', () => '<domain', 'XML'],
  ['it is empty', () => '', 'XML'],
  ['its class is unknown', (xml) => xml.replace('"AppVM"', '"LinuxVM"'), "No such domain class: 'LinuxVM'"],
  ['it has no class', (xml) => xml.replace('class="AppVM"', ''), "No such domain class: ''"],
  ['its UUID is none', (xml) => xml.replace(/(name="uuid">)[^<]*/, '$1x'), 'UUID is not valid'],
  ['its UUID is not that of its key', (xml) => xml.replace(/(name="uuid">)../, '$1ff'), 'stored as'],
  [
    "its number is another domain's",
    (xml) => xml.replace(/(name="qid">)\d+/, '$11'),
    "its number 1 is another domain's",
  ],
  ['its number is none', (xml) => xml.replace(/(name="qid">)\d+/, '$1-2'), "'-2'"],
  ['its name is none', (xml) => xml.replace(/(name="name">)[^<]*/, '$1../work'), '../work'],
  [
    'its label is unknown',
    (xml) => xml.replace(/(name="label">)[^<]*/, '$1pink'),
    'Label does not exist: pink',
  ],
  ['it has no identity', () => '<domain class="AppVM"/>', "''"],
  [
    'a property is unknown',
    (xml) => xml.replace('</properties>', '<property name="x">1</property></properties>'),
    "'x'",
  ],
  [
    'a value is none of its property',
    (xml) => xml.replace('</properties>', '<property name="memory">much</property></properties>'),
    "'much'",
  ],
  ['its template does not exist', (xml) => xml.replace('>base<', '>gone<'), "No such domain: 'gone'"],
  [
    'a feature is none',
    (xml) => xml.replace('<features', '<features><feature name="a b"/></features><x'),
    "'a b'",
  ],
  ['a tag is none', (xml) => xml.replace(/<tags[^>]*\/>/, '<tags><tag name="a b"/></tags>'), "'a b'"],
  [
    'a device is of a domain that does not exist',
    (xml) =>
      xml.replace('<tags', '<devices class="usb"><device id="1" backend-domain="gone"/></devices><tags'),
    "'gone'",
  ],
])('a domain is broken, and only it, when %s', async (_why, damage, said) => {
  const later = await afterDamage(work, damage);
  expect(later.system.domains.size).toBe(4);
  const [broken, ...others] = [...later.system.domains].filter((vm) => vm.broken);
  expect(others).toEqual([]);
  expect(broken?.uuid).toBe(work.uuid);
  expect(broken?.broken).toContain(said);
});

test.each(['base', 'work'])(
  'a broken copy of %s takes no number and no name from a sound domain, even when it comes first',
  async (name) => {
    const copied = model.disk.records.get(keyOf(model.system.domain(name))) as string;
    const sound = [...model.disk.records];
    model.disk.records.clear();
    model.disk.records.set('domain/00000000-0000-4000-8000-000000000000', copied);
    for (const [key, xml] of sound) model.disk.records.set(key, xml);
    expect(brokenNames(await model.restarted())).toEqual(['broken-00000000-0000']);
  },
);

test('a broken domain cannot be started, can be removed, and its record is kept as it was until then', async () => {
  const later = await afterDamage(work, (xml) => xml.replace('"AppVM"', '"LinuxVM"'));
  const broken = later.system.domain('work') as QubesVM;
  expect(broken.powerState).toBe('NA');
  await expect(broken.start()).rejects.toThrow(QubesVMError);
  expect(later.disk.records.get(keyOf(work))).toContain('"LinuxVM"');
  await broken.remove();
  expect(later.disk.records.has(keyOf(work))).toBe(false);
  expect((await later.restarted()).system.domains.size).toBe(3);
});

test.each([
  ['unreadable', () => '<domain'],
  ['wrong', (xml: string) => xml.replace('</properties>', '<property name="x">1</property></properties>')],
])('the host is there with an %s record, and says what is wrong with it', async (_how, damage) => {
  const { adminVM } = model.system;
  await model.system.change((change) => adminVM.features.set(change, 'gui', '1'));
  const later = await afterDamage(adminVM, damage);
  expect(brokenNames(later)).toEqual(['dom0']);
  expect(later.system.adminVM.powerState).toBe('Running');
});

test('what nothing changed is stored as it was found', async () => {
  const before = new Map(model.disk.records);
  const later = await model.restarted();
  await later.set(later.system.domain('personal'), 'memory', '500');
  const changed = [...later.disk.records].filter(([key, xml]) => before.get(key) !== xml).map(([key]) => key);
  expect(changed).toEqual([keyOf(later.system.domain('personal'))]);
});
