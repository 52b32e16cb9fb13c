import { describe, expect, test } from 'vitest';
import { importSystem } from '../../../../src/app/interchange/import.ts';
import { QubesValueError } from '../../../../src/base/errors.ts';
import { parseXml } from '../../../../src/xml/parser.ts';
import { domain, feature, find, imported, property, template } from './support.ts';

const pciDevice = '<devices class="pci"><device backend-domain="dom0" id="00_14.0"/></devices>';
const admin = '<domain id="domain-0" class="AdminVM"><properties/></domain>';

test.each(['<a/>', '<qubes/>', '<qubes><properties/></qubes>', '<domain id="domain-1"/>'])(
  '%s is not a qubes.xml',
  (text) => {
    expect(() => importSystem(parseXml(text))).toThrow(QubesValueError);
    expect(() => importSystem(parseXml(text))).toThrow('This is not a qubes.xml');
  },
);

test('more domains than there can be are refused before anything is done with them', () => {
  const text = `<qubes><domains>${'<domain/>'.repeat(70_000)}</domains></qubes>`;
  expect(() => importSystem(parseXml(text))).toThrow(
    'The file has 70000 domains; there can be no more than 65024',
  );
});

test('a file of Qubes 3 is told from others, with the way out', () => {
  expect(() => importSystem(parseXml('<QubesVmCollection/>'))).toThrow(
    /Qubes 3; load it into Qubes 4\.0 first/,
  );
});

test('an empty system is one', () => {
  expect(importSystem(parseXml('<qubes><domains/></qubes>'))).toMatchObject({
    labels: [],
    pools: [],
    domains: [],
    warnings: [],
  });
});

describe('a bad record is carried as broken, as it was found, and the others are not', () => {
  test.each([
    ['no name', domain('AppVM', '', 7), "Invalid domain name ''"],
    ['a bad name', domain('AppVM', 'a b', 7), "Invalid domain name 'a b'"],
    ['a name too long', domain('AppVM', 'x'.repeat(32), 7), 'longer than 31'],
    ["the AdminVM's name", domain('AppVM', 'dom0', 7), "its name is 'dom0'"],
    ['a qid that is none', domain('AppVM', 'bad', 7, { qid: 'seven' }), "its qid 'seven'"],
    ['a qid out of range', domain('AppVM', 'bad', 7, { qid: '70000' }), "its qid '70000'"],
    ['a UUID that is none', domain('AppVM', 'bad', 7, { uuid: 'x' }), "UUID is not valid: 'x'"],
    [
      'a label there is not',
      domain('AppVM', 'bad', 7, { label: 'pink' }),
      "its label 'pink' is not in the file",
    ],
    ['an unknown class', domain('MagicVM', 'bad', 7), "its class 'MagicVM' is not known"],
    ['no template', domain('AppVM', 'bad', 7), 'it has no template'],
    [
      'a template that is missing',
      domain('AppVM', 'bad', 7, { template: 'gone' }),
      "its template 'gone' is not in the file",
    ],
    [
      'a template that is none',
      domain('AppVM', 'bad', 7, { template: 'good' }),
      "its template 'good' is not a TemplateVM but of class AppVM",
    ],
    ['itself as template', domain('AppVM', 'bad', 7, { template: 'bad' }), 'is not a TemplateVM'],
    [
      'a disposable of a common AppVM',
      domain('DispVM', 'bad', 7, { template: 'good' }),
      "'good' is not one for disposables",
    ],
    [
      'the name of another',
      domain('AppVM', 'good', 7, { template: 'tpl' }),
      "another domain of the file has its name 'good'",
    ],
    [
      'the qid of another',
      domain('AppVM', 'bad', 1, { template: 'tpl' }),
      "another domain of the file has its qid '1'",
    ],
  ])('%s', (_what, bad, problem) => {
    const system = imported(`${template}${domain('AppVM', 'good', 2, { template: 'tpl' })}${bad}`);
    expect(system.domains.map((each) => each.problem !== undefined)).toEqual([false, false, true]);
    expect(system.domains[2]?.problem).toContain(problem);
    expect(system.domains[2]?.node).toEqual(parseXml(bad));
    expect(system.warnings.join()).toContain('carried as broken');
  });

  test('a second UUID of the same value, whatever its case', () => {
    const uuid = '4ab5c1a5-6d4c-4f8d-8f4d-0c6d4d1d3a01';
    const system = imported(
      `${template}${['a', 'b'].map((name, n) => domain('StandaloneVM', name, n + 2, { uuid: n ? uuid.toUpperCase() : uuid })).join('')}`,
    );
    expect(system.domains.map(({ problem }) => problem?.slice(0, 35))).toEqual([
      undefined,
      undefined,
      'another domain of the file has its ',
    ]);
    expect(property(find(system, 'a').node, 'uuid')).toBe(uuid);
  });
});

describe('references', () => {
  test('a netvm that is missing becomes none, not the default', () => {
    const system = imported(`${template}${domain('AppVM', 'a', 2, { template: 'tpl', netvm: 'gone' })}`);
    expect(property(find(system, 'a').node, 'netvm')).toBe('');
    expect(system.warnings).toEqual([`a: netvm named 'gone', which is not in the file; it is none now`]);
  });

  test('a broken domain can still be referred to', () => {
    const broken = domain('ProxyVM', 'net', 3, { label: 'pink' });
    const system = imported(
      `${template}${broken}${domain('AppVM', 'a', 2, { template: 'tpl', netvm: 'net' })}`,
    );
    expect(find(system, 'a').problem).toBeUndefined();
    expect(property(find(system, 'a').node, 'netvm')).toBe('net');
  });

  test('a circle of netvms is cut once', () => {
    const circle = ['a', 'b', 'c'].map((name, n) =>
      domain('ProxyVM', name, n + 2, { template: 'tpl', netvm: 'bca'[n] ?? '' }),
    );
    const tail = domain('AppVM', 'tail', 9, { template: 'tpl', netvm: 'a' });
    const system = imported(template + tail + circle.join(''));
    expect(['tail', 'a', 'b', 'c'].map((name) => property(find(system, name).node, 'netvm'))).toEqual([
      'a',
      '',
      'c',
      'a',
    ]);
    expect(system.warnings.filter((text) => text.includes('led back to itself'))).toHaveLength(1);
  });

  test("the system's are checked too", () => {
    const system = imported(template, {
      properties:
        '<property name="default_netvm">gone</property><property name="default_template" ref="domain-1"/>' +
        '<property name="clockvm">None</property><property name="default_pool">gone</property><property name="old_setting">1</property>',
    });
    expect(
      ['default_netvm', 'default_template', 'clockvm', 'default_pool', 'old_setting'].map((name) =>
        property(system.properties, name),
      ),
    ).toEqual(['', 'tpl', '', undefined, undefined]);
    expect(system.warnings).toHaveLength(3);
  });
});

describe('virt_mode left to Qubes', () => {
  const mode = (record: string) =>
    property(imported(template + admin + record).domains[2]?.node, 'virt_mode');

  test.each([
    ['a template', domain('TemplateVM', 'x', 2), 'pvh'],
    ['a standalone', domain('StandaloneVM', 'x', 2), 'pvh'],
    ['a standalone with PCI devices', domain('StandaloneVM', 'x', 2, {}, pciDevice), 'hvm'],
    ['an AppVM with PCI devices', domain('AppVM', 'x', 2, { template: 'tpl' }, pciDevice), 'hvm'],
    ['an AppVM follows its template', domain('AppVM', 'x', 2, { template: 'tpl' }), undefined],
    ['a NetVM without template', domain('NetVM', 'x', 2), 'pvh'],
    ['an HVM follows its class', domain('HVM', 'x', 2), undefined],
    ['what is given stays', domain('StandaloneVM', 'x', 2, { virt_mode: 'PV' }), 'pv'],
    ['the word of 4.0 for fully virtual', domain('StandaloneVM', 'x', 2, { hvm: 'yes' }), 'hvm'],
  ])('%s', (_what, record, expected) => {
    expect(mode(record)).toBe(expected);
  });

  test('PCI devices outweigh a remembered container', () => {
    const remembered = '<features><feature name="bulkhead.virt_mode">container</feature></features>';
    expect(mode(domain('StandaloneVM', 'x', 2, {}, remembered))).toBe('container');
    expect(mode(domain('StandaloneVM', 'x', 2, {}, remembered + pciDevice))).toBe('hvm');
    expect(mode(domain('StandaloneVM', 'x', 2, { virt_mode: 'pv' }, remembered))).toBe('pv');
  });
});

describe('devices', () => {
  const devices = (group: string) => {
    const system = imported(template + admin + domain('AppVM', 'x', 2, { template: 'tpl' }, group));
    return {
      system,
      found: find(system, 'x')
        .node.elements('devices')
        .flatMap((each) => each.elements()),
    };
  };

  test('without a backend, and with the "*" that 4.4 writes for it, mean any backend', () => {
    const { found } = devices(
      '<devices class="usb"><device id="*" identity="i" mode="auto-attach"/><device backend-domain="*" id="1-2"/></devices>',
    );
    expect(found.map(({ attributes }) => Object.fromEntries(attributes))).toEqual([
      { id: '*', mode: 'auto-attach', identity: 'i' },
      { id: '1-2', mode: 'required', identity: '*' },
    ]);
  });

  test('of a backend or a mode there is not are dropped with a warning', () => {
    const { system, found } = devices(
      '<devices class="pci"><device backend-domain="gone" id="a"/><device backend-domain="dom0" id="b" mode="maybe"/></devices>',
    );
    expect(found).toEqual([]);
    expect(system.warnings).toEqual([
      "x: a pci device ('a') was dropped: its backend 'gone' is not in the file",
      "x: a pci device ('b') was dropped: its mode 'maybe' is unknown",
    ]);
  });

  test('had their identity among the options in 4.3', () => {
    const { found } = devices(
      '<devices class="pci"><device backend-domain="dom0" id="a"><option name="identity">me</option><option name="permissive">True</option></device></devices>',
    );
    expect(found[0]?.attribute('identity')).toBe('me');
    expect(found[0]?.elements('option').map((option) => option.attribute('name'))).toEqual(['permissive']);
  });
});

describe('labels and pools', () => {
  test('those that are none are left out with a warning', () => {
    const system = importSystem(
      parseXml(
        '<qubes><labels><label id="label-1" color="#CC0000">red</label><label id="label-1" color="0x1">dup</label>' +
          '<label id="label-2" color="blue">x</label><label id="2" color="0x000000">y</label></labels>' +
          '<pools><pool name="p" driver="file"/><pool name="p" driver="zfs"/><pool driver="file"/><pool name="q"/></pools><domains/></qubes>',
      ),
    );
    expect(system.labels.map((label) => label.text)).toEqual(['red']);
    expect(system.pools.map((pool) => pool.attribute('driver'))).toEqual(['file']);
    expect(system.warnings).toHaveLength(6);
  });
});

test('the netvm 4.0 had for firewalls is written down where it was followed', () => {
  const net = domain('AppVM', 'net', 2, { template: 'tpl', provides_network: 'True', netvm: '' });
  const firewall = domain('AppVM', 'firewall', 3, { template: 'tpl', provides_network: 'True' });
  const work = domain('AppVM', 'work', 4, { template: 'tpl' });
  const system = imported(template + net + firewall + work, {
    properties:
      '<property name="default_fw_netvm">net</property><property name="default_netvm">firewall</property>',
  });
  expect(['net', 'firewall', 'work'].map((name) => property(find(system, name).node, 'netvm'))).toEqual([
    '',
    'net',
    undefined,
  ]);
});

test('the AdminVM is given what is fixed, and features keep their text', () => {
  const system = imported(
    '<domain id="domain-0" class="AdminVM"><properties/><features><feature name="a">x y</feature><feature name="b"/></features></domain>',
  );
  const { node } = find(system, 'dom0');
  expect(['uuid', 'qid', 'label'].map((name) => property(node, name))).toEqual([
    '00000000-0000-0000-0000-000000000000',
    '0',
    'black',
  ]);
  expect([feature(node, 'a'), feature(node, 'b'), feature(node, 'c')]).toEqual(['x y', '', undefined]);
});

test('nothing of a name reaches a warning unprintable', () => {
  const system = imported(domain('AppVM', '\u202eevil\u0085', 2));
  expect(system.warnings.join('')).toMatch(/^[\x20-\x7e]+$/);
});
