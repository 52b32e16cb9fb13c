import { describe, expect, test } from 'vitest';
import { exportSystem } from '../../../../src/app/interchange/export.ts';
import { importSystem } from '../../../../src/app/interchange/import.ts';
import type { SystemRecords } from '../../../../src/app/interchange/system-records.ts';
import { element, type XmlNode } from '../../../../src/xml/node.ts';
import { parseXml } from '../../../../src/xml/parser.ts';
import { writeXml } from '../../../../src/xml/writer.ts';
import { domain, feature, find, imported, property, template } from './support.ts';

/** What Qubes would read under that name. */
function exported(records: SystemRecords, name: string): XmlNode | undefined {
  const domains = exportSystem(records).element('domains')?.elements('domain') ?? [];
  return domains.find((node) => property(node, 'name') === name);
}

/** Records of this system, with the domains as they are given. */
function records(...domains: string[]): SystemRecords {
  return { ...imported(''), domains: domains.map((text) => ({ node: parseXml(text) })) };
}

/** The system after a journey through a file for Qubes. */
function returned(system: SystemRecords): ReturnType<typeof importSystem> {
  return importSystem(parseXml(writeXml(exportSystem(system))));
}

describe('virt_mode', () => {
  test('container has no word on Qubes: it is left out there and comes back here', () => {
    const system = records(domain('TemplateVM', 'x', 2, { virt_mode: 'container' }));
    expect(property(exported(system, 'x'), 'virt_mode')).toBeUndefined();
    expect(feature(exported(system, 'x'), 'bulkhead.virt_mode')).toBe('container');
    const back = find(returned(system), 'x').node;
    expect([property(back, 'virt_mode'), feature(back, 'bulkhead.virt_mode')]).toEqual([
      'container',
      undefined,
    ]);
  });

  test("this system's default stays its default, and is not pinned on the way back", () => {
    const system = records(domain('TemplateVM', 'x', 2));
    expect(property(find(returned(system), 'x').node, 'virt_mode')).toBeUndefined();
  });

  test('what was set on Qubes meanwhile wins', () => {
    const file = exportSystem(records(domain('TemplateVM', 'x', 2, { virt_mode: 'container' })));
    file
      .element('domains')
      ?.element('domain')
      ?.element('properties')
      ?.children.push(element('property', { name: 'virt_mode' }, 'hvm'));
    expect(property(find(importSystem(file), 'x').node, 'virt_mode')).toBe('hvm');
  });
});

describe('classes', () => {
  const net = (values: Record<string, string>) => domain('NetVM', 'net', 2, { template: 'tpl', ...values });

  test.each([
    ['a NetVM', net({})],
    ['a NetVM with a netvm of none said', net({ netvm: '' })],
    ['a NetVM that says what it is', net({ provides_network: 'True', netvm: '' })],
    ['a NetVM that was told not to', net({ provides_network: 'False' })],
    ['a NetVM of its own system', domain('NetVM', 'net', 2)],
    ['a ProxyVM', domain('ProxyVM', 'net', 2, { template: 'tpl', netvm: 'tpl' })],
    ['an HVM', domain('HVM', 'net', 2)],
    ['an HVM of another mode', domain('HVM', 'net', 2, { virt_mode: 'container' })],
  ])('%s comes back as it was', (_what, text) => {
    const system = importSystem(exportSystem(records(template, text)));
    const again = returned(system);
    expect(again.domains).toEqual(system.domains);
    expect(find(again, 'net').node.attribute('class')).toBe(parseXml(text).attribute('class'));
  });

  test('no class reaches Qubes that it does not have', () => {
    const system = records(template, net({}), domain('ProxyVM', 'p', 3), domain('HVM', 'h', 4));
    const classes = exportSystem(system)
      .element('domains')
      ?.elements('domain')
      .map((node) => node.attribute('class'));
    expect(classes).toEqual(['TemplateVM', 'AppVM', 'StandaloneVM', 'StandaloneVM']);
  });

  test('a NetVM that was given a netvm on Qubes stays what Qubes made of it', () => {
    const file = exportSystem(
      records(template, net({}), domain('ProxyVM', 'p', 3, { template: 'tpl', netvm: '' })),
    );
    const node = file
      .element('domains')
      ?.elements('domain')
      .find((each) => property(each, 'name') === 'net');
    const netvm = node
      ?.element('properties')
      ?.elements('property')
      .find((each) => each.attribute('name') === 'netvm');
    netvm?.children.push('p');
    const { node: back } = find(importSystem(file), 'net');
    expect([back.attribute('class'), property(back, 'netvm'), property(back, 'provides_network')]).toEqual([
      'AppVM',
      'p',
      'True',
    ]);
    expect(back.element('features')?.elements()).toHaveLength(0);
  });
});

describe('pools', () => {
  const own = [
    element('pool', { name: 'varlibqubes', driver: 'dir', dir_path: '/srv/x' }),
    element('pool', { name: 'm', driver: 'memory', a: 'b' }),
  ];

  test('of drivers Qubes does not have are directories there, and come back', () => {
    const system = { ...records(), pools: own };
    const pools = exportSystem(system).element('pools')?.elements('pool') ?? [];
    expect(pools.map((pool) => [...pool.attributes.values()])).toEqual([
      ['varlibqubes', '/srv/x', 'file-reflink'],
      ['m', '/var/lib/qubes/pools/m', 'file-reflink'],
      ['linux-kernel', '/var/lib/qubes/vm-kernels', 'linux-kernel'],
    ]);
    expect(returned(system).pools).toEqual(own);
  });

  test('changed on Qubes meanwhile are what Qubes says', () => {
    const file = exportSystem({ ...records(), pools: own });
    file.element('pools')?.children.splice(0, 1);
    expect(importSystem(file).pools.map((pool) => pool.attribute('driver'))).toEqual([
      'file-reflink',
      'linux-kernel',
    ]);
  });
});

test('dom0 is written without what Qubes refuses to read of it', () => {
  const file = exportSystem(imported('<domain id="domain-0" class="AdminVM"><properties/></domain>'));
  const node = file.element('domains')?.element('domain');
  expect(node?.attribute('id')).toBe('domain-0');
  expect(['name', 'qid', 'uuid'].map((name) => property(node, name))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('broken domains are kept where Qubes does not look', () => {
  const bad = domain('AppVM', 'bad', 9, { label: 'pink' });
  const system = imported(template + bad);
  const file = exportSystem(system);
  expect(file.element('domains')?.elements()).toHaveLength(1);
  const back = returned(system);
  expect(back.domains).toEqual(system.domains);
  expect(back.domains[1]).toMatchObject({
    node: parseXml(bad),
    problem: "its label 'pink' is not in the file",
  });
});

test('exporting changes nothing of what it was given', () => {
  const system = imported(template + domain('NetVM', 'net', 2));
  const before = JSON.stringify(system, (_key, value) => (value instanceof Map ? [...value] : value));
  exportSystem(system);
  expect(JSON.stringify(system, (_key, value) => (value instanceof Map ? [...value] : value))).toBe(before);
});
