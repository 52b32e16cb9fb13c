import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exportSystem } from '../../src/app/interchange/export.ts';
import { importSystem } from '../../src/app/interchange/import.ts';
import type { SystemRecords } from '../../src/app/interchange/system-records.ts';
import { QubesValueError } from '../../src/base/errors.ts';
import { element, XmlNode } from '../../src/xml/node.ts';
import { parseXml } from '../../src/xml/parser.ts';
import { writeXml } from '../../src/xml/writer.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'dom0', 'None', '', 'gone'];
const classes = [
  'AdminVM',
  'TemplateVM',
  'AppVM',
  'StandaloneVM',
  'DispVM',
  'RemoteVM',
  'NetVM',
  'ProxyVM',
  'HVM',
  'TemplateHVM',
  'MagicVM',
];
const boolean = fc.constantFrom('True', 'False', 'yes', '0', '');
const label = element('labels', {}, element('label', { id: 'label-1', color: '0xcc0000' }, 'red'));

/** Values at the edges of what the import decides on. */
const values: Record<string, fc.Arbitrary<string>> = {
  template: fc.constantFrom(...names),
  netvm: fc.constantFrom(...names),
  default_dispvm: fc.constantFrom(...names),
  provides_network: boolean,
  template_for_dispvms: boolean,
  dispvm_allowed: boolean,
  hvm: boolean,
  virt_mode: fc.constantFrom('pvh', 'HVM', 'container', 'pv', ''),
  memory: fc.constantFrom('400', 'x'),
  uuid: fc.constantFrom('4ab5c1a5-6d4c-4f8d-8f4d-0c6d4d1d3a01', 'x'),
  default_user: fc.string({ unit: 'grapheme-ascii', maxLength: 6 }),
  nonsense: fc.constant('1'),
};

const features = fc.array(
  fc.tuple(
    fc.constantFrom('gui', 'bulkhead.class', 'bulkhead.virt_mode', 'bulkhead.implied'),
    fc.constantFrom('', '1', 'NetVM', 'HVM', 'container', 'default', 'provides_network netvm', 'memory'),
  ),
  { maxLength: 4 },
);
const device = fc
  .record({
    backend: fc.constantFrom(undefined, '*', ...names),
    id: fc.constantFrom(undefined, '00_14.0'),
    mode: fc.constantFrom(undefined, 'required', 'maybe'),
    required: fc.constantFrom(undefined, 'yes', 'no'),
  })
  .map(({ backend, ...rest }) => element('device', { 'backend-domain': backend, ...rest }));

const domain = fc
  .record({
    klass: fc.constantFrom(...classes),
    name: fc.constantFrom(...names),
    qid: fc.constantFrom('1', '2', '3', '4', '5', '6', 'x', '0'),
    label: fc.constantFrom('red', 'red', 'red', 'label-1', 'pink'),
    more: fc.record(values, { requiredKeys: [] }),
    features,
    pci: fc.array(device, { maxLength: 2 }),
    notes: fc.constantFrom('', 'x & y\n'),
  })
  .map(({ klass, name, qid, label, more, features, pci, notes }) => {
    const properties = Object.entries({ name, qid, label, ...more }).map(([key, value]) =>
      element('property', { name: key }, value),
    );
    return element(
      'domain',
      { id: `domain-${qid}`, class: klass },
      element('properties', {}, ...properties),
      element('features', {}, ...features.map(([key, value]) => element('feature', { name: key }, value))),
      element('devices', { class: 'pci' }, ...pci),
      element('notes', {}, notes),
    );
  });

const file = fc
  .tuple(
    fc.array(domain, { maxLength: 8 }),
    fc.record(
      { default_netvm: fc.constantFrom(...names), default_fw_netvm: fc.constantFrom(...names) },
      { requiredKeys: [] },
    ),
  )
  .map(([domains, system]) =>
    element(
      'qubes',
      {},
      label,
      element(
        'properties',
        {},
        ...Object.entries(system).map(([key, value]) => element('property', { name: key }, value ?? '')),
      ),
      element('pools', {}, element('pool', { name: 'p', driver: 'dir', dir_path: '/x' })),
      element('domains', {}, ...domains),
    ),
  );

function withoutWarnings({ properties, labels, pools, domains }: SystemRecords): SystemRecords {
  return { properties, labels, pools, domains };
}

test('no domain of a file is lost, and import, export, import is stable', () => {
  fc.assert(
    fc.property(file, (root) => {
      const first = importSystem(root);
      expect(first.domains).toHaveLength(root.element('domains')?.elements('domain').length ?? 0);
      const text = writeXml(exportSystem(first));
      const second = importSystem(parseXml(text));
      const byQid = (system: SystemRecords) =>
        system.domains.map(({ node, problem }) => `${problem !== undefined} ${writeXml(node)}`).sort();
      expect(byQid(second)).toEqual(byQid(first));
      expect({ ...withoutWarnings(second), domains: [] }).toEqual({ ...withoutWarnings(first), domains: [] });
      expect(writeXml(exportSystem(importSystem(parseXml(writeXml(exportSystem(second))))))).toBe(
        writeXml(exportSystem(second)),
      );
    }),
    { numRuns: 600 },
  );
});

test('what comes in never leads round in a circle, and never to a domain that is not there', () => {
  fc.assert(
    fc.property(file, (root) => {
      const { domains } = importSystem(root);
      const sound = domains.filter(({ problem }) => problem === undefined);
      const value = (node: XmlNode, name: string) =>
        node
          .element('properties')
          ?.elements('property')
          .find((property) => property.attribute('name') === name)?.text;
      const all = new Set(['dom0', ...domains.map(({ node }) => value(node, 'name'))]);
      for (const property of ['netvm', 'template']) {
        const next = new Map(sound.map(({ node }) => [value(node, 'name'), value(node, property)]));
        for (const start of next.keys()) {
          let steps = 0;
          for (let at = next.get(start); at; at = next.get(at)) {
            expect(all).toContain(at);
            expect(++steps).toBeLessThan(20);
          }
        }
      }
    }),
    { numRuns: 400 },
  );
});

test('any tree is imported, or refused as no qubes.xml', () => {
  const anyName = fc.constantFrom(
    'qubes',
    'domains',
    'domain',
    'properties',
    'property',
    'labels',
    'label',
    'pools',
    'pool',
    'bulkhead',
    'broken-domains',
    'devices',
    'device',
  );
  const attribute = fc.tuple(
    fc.constantFrom('name', 'id', 'class', 'ref', 'color', 'driver', '__proto__'),
    fc.string({ maxLength: 5 }),
  );
  const { tree } = fc.letrec<{ tree: XmlNode }>((tie) => ({
    tree: fc
      .tuple(
        anyName,
        fc.array(attribute, { maxLength: 3 }),
        fc.array(fc.oneof({ maxDepth: 4 }, fc.string({ maxLength: 4 }), tie('tree')), { maxLength: 4 }),
      )
      .map(([name, attributes, children]) => new XmlNode(name, attributes, children)),
  }));
  fc.assert(
    fc.property(tree, fc.array(tree, { maxLength: 3 }), (node, inside) => {
      for (const root of [node, new XmlNode('qubes', [], [new XmlNode('domains', [], inside), ...inside])]) {
        try {
          exportSystem(importSystem(root));
        } catch (error) {
          expect(error).toBeInstanceOf(QubesValueError);
        }
      }
    }),
    { numRuns: 500 },
  );
});
