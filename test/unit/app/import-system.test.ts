import { beforeEach, describe, expect, test } from 'vitest';
import { importInto } from '../../../src/app/import-system.ts';
import { exportSystem } from '../../../src/app/interchange/export.ts';
import { importSystem } from '../../../src/app/interchange/import.ts';
import { recordsOf } from '../../../src/app/system-records.ts';
import { QubesVMAlreadyExistsError, StoragePoolException } from '../../../src/base/errors.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { parseXml } from '../../../src/xml/parser.ts';
import { writeXml } from '../../../src/xml/writer.ts';
import { smallSystem } from '../../support/api.ts';
import { Model } from '../../support/model.ts';

let model: Model;
beforeEach(async () => {
  model = await smallSystem();
});

interface Written {
  readonly klass?: string;
  readonly qid?: number;
  readonly values?: Readonly<Record<string, string>>;
  readonly more?: string;
}

function domain(
  name: string,
  { klass = 'StandaloneVM', qid = 100, values = {}, more = '' }: Written = {},
): string {
  const properties = Object.entries({ name, qid, label: 'red', virt_mode: 'pvh', ...values })
    .filter(([key, value]) => !(key === 'virt_mode' && klass === 'DispVM' && value === 'pvh'))
    .map(([key, value]) => `<property name="${key}">${value}</property>`);
  return `<domain id="domain-${qid}" class="${klass}"><properties>${properties.join('')}</properties>${more}</domain>`;
}

function file(domains: readonly string[], rest = ''): string {
  return (
    '<qubes><labels><label id="label-1" color="0xcc0000">red</label><label id="label-9" color="0x123456">pink</label></labels>' +
    `${rest}<domains><domain id="domain-0" class="AdminVM"><properties/></domain>${domains.join('')}</domains></qubes>`
  );
}

const take = (text: string, skipExisting = false) =>
  importInto(model.system, importSystem(parseXml(text)), { skipExisting });
const found = (name: string) => model.system.domain(name) as QubesVM;

async function traces() {
  const { system, disk, disks } = model;
  const qid = system.domains.takeQid();
  system.domains.releaseQid(qid);
  return {
    domains: system.domains.sorted.map(({ name }) => name),
    labels: [...system.labels].map(({ name }) => name),
    records: new Map(disk.records),
    volumes: await disks.volumes(),
    red: [...system.label('red').referrers.entries()].length,
    base: [...system.domain('base').referrers.entries()].length,
    nextQid: qid,
    free100: system.domains.isQidFree(100),
  };
}

test('domains come in with their numbers, labels and volumes, and are there after a restart', async () => {
  const report = await take(
    file([
      domain('alpha', {
        values: { label: 'pink', memory: '777' },
        more: '<tags><tag name="t"/></tags><features><feature name="f">1</feature></features>',
      }),
      domain('beta', { klass: 'TemplateVM', qid: 101 }),
      domain('gamma', { klass: 'AppVM', qid: 102, values: { template: 'beta' } }),
    ]),
  );
  expect(report.domains).toEqual(['alpha', 'beta', 'gamma']);
  model = await model.restarted();
  const alpha = found('alpha');
  expect([alpha.qid, alpha.label.name, alpha.memory, alpha.tags.sorted(), alpha.features.get('f')]).toEqual([
    100,
    'pink',
    777,
    ['t'],
    '1',
  ]);
  expect(found('gamma').template?.name).toBe('beta');
  expect(await model.disks.volumes()).toEqual(
    expect.arrayContaining(['varlibqubes:appvms/gamma/private', 'varlibqubes:vm-templates/beta/root']),
  );
  expect(model.system.operations.unfinished).toEqual([]);
});

describe('what exists here', () => {
  test('by its name refuses the whole file', async () => {
    const before = await traces();
    await expect(take(file([domain('alpha'), domain('work', { qid: 101 })]))).rejects.toThrow(
      QubesVMAlreadyExistsError,
    );
    expect(await traces()).toEqual(before);
  });

  test('by its name is kept when that is wished', async () => {
    const work = found('work');
    const report = await take(
      file([domain('alpha'), domain('work', { qid: 101, values: { memory: '1' } })]),
      true,
    );
    expect(report.domains).toEqual(['alpha']);
    expect(report.warnings).toContain('work: left out; the domain of that name that exists here is kept');
    expect([found('work') === work, work.memory]).toEqual([true, 400]);
  });

  test('by its number gives the newcomer another', async () => {
    const { qid } = found('work');
    const report = await take(file([domain('alpha', { qid })]));
    expect(report.warnings.join()).toContain(
      `alpha: its number ${qid} is taken here; it is now ${found('alpha').qid}`,
    );
    expect(found('work').qid).toBe(qid);
  });

  test('by its UUID gives the newcomer another', async () => {
    const { uuid } = found('work');
    await take(file([domain('alpha', { values: { uuid } })]));
    expect(found('alpha').uuid).not.toBe(uuid);
    expect(model.system.domain(`uuid:${uuid}`).name).toBe('work');
  });

  test('with no number as a disposable, as in files made by hand, is given one', async () => {
    const dvm = domain('dvm2', { klass: 'AppVM', values: { template: 't', template_for_dispvms: 'True' } });
    const template = domain('t', { klass: 'TemplateVM', qid: 101 });
    const other = domain('other', { klass: 'DispVM', qid: 102, values: { template: 'dvm2' } });
    const report = await take(file([template, dvm, other]));
    expect(found('other').broken).toBeUndefined();
    expect(found('other').dispid).toBeGreaterThan(0);
    expect(report.warnings.join()).toContain('other: it has no number as a disposable; it is now ');
  });

  test('by its number as a disposable gives the newcomer another', async () => {
    const named = await model.create('DispVM', 'named', 'dvm');
    const dvm = domain('dvm2', { klass: 'AppVM', values: { template: 't', template_for_dispvms: 'True' } });
    const report = await take(
      file([
        domain('t', { klass: 'TemplateVM', qid: 101 }),
        dvm,
        domain('other', {
          klass: 'DispVM',
          qid: 102,
          values: { template: 'dvm2', dispid: String(named.dispid) },
        }),
      ]),
    );
    expect(found('other').broken).toBeUndefined();
    expect(found('other').dispid).not.toBe(named.dispid);
    expect(report.warnings.join()).toContain(
      `other: its number as a disposable, ${named.dispid}, is taken here`,
    );
    expect((await model.restarted()).system.domain('other').broken).toBeUndefined();
  });

  test('as a volume is not the newcomer’s, whatever the file says', async () => {
    const config =
      '<volume-config><volume name="private" pool="varlibqubes" vid="appvms/work/private" size="1000"/></volume-config>';
    await take(file([domain('alpha', { more: config })]));
    expect(found('alpha').volumes.config('private')).toMatchObject({
      vid: 'appvms/alpha/private',
      size: 1000,
    });
  });

  test('as a property of the system stays, and is told of', async () => {
    const { system } = model;
    await system.change((change) => system.setText(change, system.property('stats_interval'), '9'));
    const rest =
      '<properties><property name="stats_interval">5</property><property name="default_shutdown_timeout">77</property></properties>';
    const report = await take(file([domain('alpha')], rest));
    expect([system.value(system.property('stats_interval')), system.default_shutdown_timeout]).toEqual([
      9, 77,
    ]);
    expect(report.warnings).toContain("the system's stats_interval stays as it is here; the file has '5'");
  });
});

test('volumes of pools that are not here are made in the default one', async () => {
  const config =
    '<volume-config><volume name="private" pool="lvm" vid="qubes_dom0/vm-alpha-private" size="1000"/></volume-config>';
  await take(
    file(
      [domain('alpha', { more: config })],
      '<pools><pool name="lvm" driver="lvm_thin" volume_group="q" thin_pool="p"/></pools>',
    ),
  );
  expect(found('alpha').volumes.poolName('private')).toBe('varlibqubes');
  expect(found('alpha').volumes.config('private').size).toBe(1000);
  expect((await model.restarted()).system.domain('alpha').broken).toBeUndefined();
});

describe('a broken domain of the file', () => {
  test('is carried as such, beside the others', async () => {
    const report = await take(file([domain('alpha'), domain('odd', { klass: 'Toaster', qid: 101 })]));
    expect(report.domains).toEqual(['alpha', 'odd']);
    expect(found('odd').broken).toContain("its class 'Toaster' is not known");
    model = await model.restarted();
    expect(found('odd').broken).toContain('Toaster');
    await found('odd').remove();
  });

  test('that has the name of another one of the file is given one', async () => {
    const report = await take(file([domain('alpha'), domain('alpha', { qid: 101 })]));
    expect(report.domains[0]).toBe('alpha');
    expect(report.domains[1]).toMatch(/^broken-[0-9a-f-]+$/);
    expect(found('alpha').broken).toBeUndefined();
    expect(found(report.domains[1] as string).broken).toContain(
      "another domain of the file has its name 'alpha'",
    );
  });

  test('because of one value does not keep the others out', async () => {
    const report = await take(
      file([domain('alpha'), domain('odd', { qid: 101, values: { memory: 'lots' } })]),
    );
    expect(report.domains).toEqual(['alpha', 'odd']);
    expect(found('alpha').broken).toBeUndefined();
    expect(found('odd').broken).toContain("Invalid value for property 'memory': 'lots'");
    expect(report.warnings.join()).toContain("odd: carried as broken: Invalid value for property 'memory'");
    model = await model.restarted();
    expect(found('odd').broken).toContain("Invalid value for property 'memory'");
    await found('odd').remove();
  });
});

describe('an import that fails', () => {
  const text = file([
    domain('alpha', { values: { label: 'pink' } }),
    domain('gamma', { klass: 'AppVM', qid: 102, values: { template: 'beta' } }),
    domain('beta', { klass: 'TemplateVM', qid: 101 }),
  ]);

  test('because it cannot be stored leaves nothing', async () => {
    const before = await traces();
    model.disk.capacity = 1;
    await expect(take(text)).rejects.toThrow('disk full');
    expect(await traces()).toEqual(before);
    model.disk.capacity = Number.POSITIVE_INFINITY;
    expect((await take(text)).domains).toHaveLength(3);
  });

  test('because of a system property leaves nothing', async () => {
    const before = await traces();
    const rest = '<properties><property name="default_netvm">alpha</property></properties>';
    await expect(take(file([domain('alpha')], rest))).rejects.toThrow('default_netvm');
    expect(await traces()).toEqual(before);
  });

  test('with its volumes only says so; the domains are there, and nobody gets their numbers', async () => {
    model.disks.onStep = (step, vid) => {
      if (step === 'create' && vid.startsWith('appvms/alpha/')) throw new StoragePoolException('no room');
    };
    const report = await take(text);
    expect(report.warnings.join()).toContain(
      'alpha: its volumes could not be made (no room); restart the daemon to try again',
    );
    expect([...report.domains].sort()).toEqual(['alpha', 'beta', 'gamma']);
    expect([100, 101, 102].map((qid) => model.system.domains.isQidFree(qid))).toEqual([false, false, false]);
    model.disks.onStep = () => {};
    model = await model.recovered();
    expect((await model.disks.volumes()).join()).toContain('appvms/alpha/private');
    expect(model.system.operations.unfinished).toEqual([]);
  });
});

test('a live system goes out and comes into an empty one the same', async () => {
  const { system } = model;
  await system.change((change) => {
    system.labels.create(change, 'pink', '0x123456');
    system.setText(change, system.property('default_netvm'), 'gateway');
    found('work').features.set(change, 'service.x', '1');
    found('work').tags.add(change, 'office');
    found('work').setNotes(change, 'notes & <more>');
    system.adminVM.features.set(change, 'gui', '');
  });
  await model.set(found('work'), 'label', 'pink');
  await model.create('DispVM', 'named', 'dvm');
  const first = writeXml(exportSystem(recordsOf(system)));
  const other = await Model.make({ engine: true });
  const report = await importInto(other.system, importSystem(parseXml(first)));
  expect([...report.domains].sort()).toEqual(['base', 'dvm', 'gateway', 'named', 'work']);
  expect(writeXml(exportSystem(recordsOf(other.system)))).toBe(first);
  expect(writeXml(exportSystem(recordsOf((await other.restarted()).system)))).toBe(first);
});

test('a disposable that cleans up after itself does not go out', async () => {
  const { createDisposable } = await import('../../../src/app/create.ts');
  const made = await createDisposable(model.system, found('dvm'));
  expect(writeXml(exportSystem(recordsOf(model.system)))).not.toContain(made.name);
});
