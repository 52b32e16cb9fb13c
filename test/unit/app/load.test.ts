import { beforeEach, describe, expect, test } from 'vitest';
import { load } from '../../../src/app/load.ts';
import { Qubes } from '../../../src/app/qubes.ts';
import { MemoryState, MemoryStore } from '../../../src/app/store/memory/store.ts';
import type { StoreKey } from '../../../src/app/store/store.ts';
import { memoryDriver } from '../../../src/storage/memory/driver.ts';
import { Api, smallSystem } from '../../support/api.ts';
import { LogBook } from '../../support/memory-parts.ts';
import { host, type Model } from '../../support/model.ts';

let model: Model;
beforeEach(async () => {
  model = await smallSystem();
});

/** Restarts with that record changed. */
async function withRecord(key: StoreKey, text: string | ((before: string) => string)): Promise<Model> {
  const before = model.disk.records.get(key) ?? '';
  model.disk.records.set(key, typeof text === 'string' ? text : text(before));
  return model.restarted();
}

const keyOf = (name: string): StoreKey => `domain/${model.system.domain(name).uuid}`;
const others = (later: Model) =>
  [...later.system.domains]
    .filter((vm) => vm.broken === undefined)
    .map(({ name }) => name)
    .sort();

async function expectServes(later: Model): Promise<void> {
  const api = new Api(later);
  for (const method of [
    'admin.vm.List',
    'bulkhead.vm.GetAll',
    'bulkhead.Check',
    'bulkhead.Export',
    'bulkhead.Status',
    'admin.property.GetAll',
    'admin.label.List',
    'admin.pool.List',
  ])
    expect(await api.call(method)).not.toBe('');
  await api.call('admin.vm.Create.AppVM', { arg: 'base', payload: 'name=another label=red' });
}

test('an empty system has the labels, the AdminVM and a pool, and keeps them', async () => {
  const disk = new MemoryState();
  const names = [];
  for (let round = 0; round < 2; round++) {
    await using store = new MemoryStore(disk);
    const system = new Qubes({
      store,
      hypervisors: [],
      poolDrivers: [{ ...memoryDriver, name: 'dir', open: (name) => memoryDriver.open(name, {}) }],
      templateSources: [],
      version: '0',
      log: new LogBook(),
      host,
    });
    await load(system, await store.load(), '/pool');
    names.push([
      [...system.labels].length,
      system.domains.sorted.map(({ name }) => name),
      [...system.pools].map(({ name }) => name),
    ]);
  }
  expect(names).toEqual([
    [8, ['dom0'], ['varlibqubes']],
    [8, ['dom0'], ['varlibqubes']],
  ]);
});

describe('a domain record that cannot be used marks one domain broken', () => {
  const TEXTS: readonly (readonly [string, string | ((before: string) => string), RegExp])[] = [
    ['no XML', '<domain', /./],
    ['empty', '', /./],
    ['another element', '<pool name="x"/>', /No such domain class: ''/],
    ['no class', '<domain/>', /No such domain class: ''/],
    ['an unknown class', (before) => before.replace('AppVM', 'Toaster'), /No such domain class: 'Toaster'/],
    ['no name', (before) => before.replace('>work<', '><'), /./],
    ['a name that is none', (before) => before.replace('>work<', '>a b<'), /./],
    ['the name of another', (before) => before.replace('>work<', '>base<'), /already a domain named base/],
    ['the name of the host', (before) => before.replace('>work<', '>dom0<'), /already a domain named dom0/],
    ['no number', (before) => before.replace(/name="qid">\d+/, 'name="qid">'), /qid/],
    [
      'the number of another',
      (before) => before.replace(/name="qid">\d+/, 'name="qid">1'),
      /its number 1 is another domain's/,
    ],
    [
      'a number without an address',
      (before) => before.replace(/name="qid">\d+/, 'name="qid">99999999'),
      /qid/,
    ],
    [
      'another UUID',
      (before) => before.replace(/name="uuid">.{8}/, 'name="uuid">00000001'),
      /it says its UUID is/,
    ],
    ['an unknown label', (before) => before.replace('>red<', '>mauve<'), /Label does not exist: mauve/],
    [
      'an unknown property',
      (before) => before.replace('<properties>', '<properties><property name="x">1</property>'),
      /Invalid property 'x'/,
    ],
    [
      'a bad value',
      (before) => before.replace('<properties>', '<properties><property name="memory">-1</property>'),
      /'memory': '-1'/,
    ],
    ['an unknown template', (before) => before.replace('>base<', '>nobody<'), /No such domain: 'nobody'/],
    [
      'a bad feature',
      (before) => before.replace('<features/>', '<features><feature name=""/></features>'),
      /feature/,
    ],
    [
      'a bad tag',
      (before) => before.replace(/<tags>.*<\/tags>|<tags\/>/, '<tags><tag name="a b"/></tags>'),
      /tag/,
    ],
    [
      'a bad device',
      (before) => before.replace('<tags', '<devices class="pci"><device id="" mode="x"/></devices><tags'),
      /./,
    ],
  ];
  test.each(TEXTS)('%s', async (_, text, why) => {
    const { uuid } = model.system.domain('work');
    const later = await withRecord(keyOf('work'), text);
    const broken = later.system.domain(`uuid:${uuid}`);
    expect(broken.broken).toMatch(why);
    expect(others(later)).toEqual(['base', 'dom0', 'dvm', 'gateway']);
    expect(later.log.trouble.join()).toContain('a domain is broken');
    await expectServes(later);
    await new Api(later).call('admin.vm.Remove', { dest: broken.name });
    expect(later.disk.records.has(`domain/${uuid}`)).toBe(false);
  });

  test('which keeps its record as it was found, and its name where it can', async () => {
    const key = keyOf('work');
    const before = model.disk.records.get(key) as string;
    const text = before.replace('AppVM', 'Toaster');
    const later = await withRecord(key, text);
    expect([later.system.domain('work').klass, later.system.domain('work').powerState]).toEqual([
      'Toaster',
      'NA',
    ]);
    expect((await later.restarted()).disk.records.get(key)).toBe(text);
  });

  test('and a broken template does not break those on it, but they do not start', async () => {
    const later = await withRecord(keyOf('base'), (before) =>
      before.replace('<properties>', '<properties><property name="x">1</property>'),
    );
    const work = later.system.domain('work') as unknown as { broken?: string; start(): Promise<void> };
    expect(work.broken).toBeUndefined();
    await expect(work.start()).rejects.toThrow('its template base is broken');
  });

  test('a disposable with the number of another', async () => {
    const one = await model.create('DispVM', 'one', 'dvm');
    await model.create('DispVM', 'two', 'dvm');
    const later = await withRecord(keyOf('two'), (before) =>
      before.replace(/name="dispid">\d+/, `name="dispid">${one.dispid}`),
    );
    expect([later.system.domain('one'), later.system.domain('two')].filter((vm) => vm.broken)).toHaveLength(
      1,
    );
  });
});

describe('the host is there', () => {
  test.each([
    ['no XML', '<x'],
    ['another class', '<domain class="AppVM"/>'],
    [
      'a bad value',
      '<domain class="AdminVM"><properties><property name="x">1</property></properties></domain>',
    ],
  ])('although its record is %s', async (_, text) => {
    const later = await withRecord('domain/00000000-0000-0000-0000-000000000000', text);
    expect([later.system.adminVM.name, later.system.adminVM.powerState, later.system.adminVM.qid]).toEqual([
      'dom0',
      'Running',
      0,
    ]);
    await expectServes(later);
  });
});

describe('a label that cannot be read', () => {
  test.each(['black', 'red'])('although it is %s, one that every system has', async (name) => {
    const later = await withRecord(`label/${name}`, '<label');
    expect(later.log.trouble.join()).toContain(`label ${name}`);
    expect(others(later)).toEqual(['base', 'dom0', 'dvm', 'gateway', 'work']);
    await expectServes(later);
  });

  test('of the user’s own breaks who carries it', async () => {
    await model.system.change((change) => model.system.labels.create(change, 'pink', '0x010203'));
    await model.set(model.system.domain('work'), 'label', 'pink');
    const later = await withRecord('label/pink', '<label id="label-9" color="pinkish">pink</label>');
    expect(later.system.domain('work').broken).toContain('Label does not exist: pink');
    expect(others(later)).toEqual(['base', 'dom0', 'dvm', 'gateway']);
  });
});

describe('a pool that cannot be used', () => {
  test.each([
    ['no XML', '<pool', /./],
    [
      'an unknown driver',
      '<pool name="varlibqubes" driver="zfs"/>',
      /no storage driver 'zfs'; it has memory/,
    ],
    ['another name', '<pool name="other" driver="memory"/>', /./],
  ])('because its record is %s, says why', async (_, text, why) => {
    const later = await withRecord('pool/varlibqubes', text);
    expect([...later.system.pools].map(({ name }) => name)).toEqual(['varlibqubes']);
    const pool = later.system.pool('varlibqubes');
    for (const use of [() => pool.setup(), () => pool.list(), async () => pool.volume({} as never)])
      await expect(use()).rejects.toThrow(why);
    await expect(pool.setup()).rejects.toThrow("Pool 'varlibqubes' cannot be used: ");
    const api = new Api(later);
    await expect(api.call('admin.vm.Start', { dest: 'work' })).rejects.toThrow(
      "Pool 'varlibqubes' cannot be used",
    );
    await expect(
      api.call('admin.vm.Create.AppVM', { arg: 'base', payload: 'name=new label=red' }),
    ).rejects.toThrow('cannot be used');
    for (const method of ['admin.vm.List', 'bulkhead.vm.GetAll', 'bulkhead.Export', 'admin.pool.List'])
      expect(await api.call(method)).not.toBe('');
    expect(await api.call('admin.pool.Info', { arg: 'varlibqubes' })).toContain('name=varlibqubes\n');
    const { problems } = JSON.parse(await api.call('bulkhead.Check'));
    expect(problems).toEqual([{ about: 'pool varlibqubes', problem: expect.stringMatching(why) }]);
    expect((await later.restarted()).disk.records.get('pool/varlibqubes')).toBe(text);
  });
});

test('system properties that cannot be read are reported, and the daemon starts', async () => {
  const later = await withRecord('system', '<properties');
  expect(later.log.trouble.join()).toContain('a stored record cannot be used');
  await expectServes(later);
});

test.each(['nonsense/x', 'system/x', 'domain'])(
  'a record under the key %j is no reason not to start',
  async (key) => {
    const later = await withRecord(key as StoreKey, '<x/>');
    expect(others(later)).toEqual(['base', 'dom0', 'dvm', 'gateway', 'work']);
  },
);

describe('a circle', () => {
  test('of netvms is cut, and the daemon starts', async () => {
    await model.create('ProxyVM', 'proxy', 'base', { netvm: 'gateway' });
    await model.create('ProxyVM', 'vpn', 'base', { netvm: 'proxy' });
    const later = await withRecord(keyOf('proxy'), (before) => before.replace('>gateway<', '>vpn<'));
    await expectServes(later);
    expect([...later.system.domains].filter((vm) => vm.broken).map(({ name }) => name)).toHaveLength(1);
  });

  test('of templates is cut, and the daemon starts', async () => {
    const later = await withRecord(keyOf('work'), (before) => before.replace('>base<', '>work<'));
    expect(later.system.domain('work').broken).toMatch(/template/);
    await expectServes(later);
  });
});
