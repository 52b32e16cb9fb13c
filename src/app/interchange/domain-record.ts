import { element, XmlNode } from '../../xml/node.ts';
import { propertiesOf } from './known-properties.ts';

/** One domain's record taken apart, so that spellings can be changed without walking a tree. */
export interface DomainRecord {
  klass: string;
  readonly properties: Map<string, string>;
  readonly features: Map<string, string>;
  /** `<device>` each, by device class. */
  readonly devices: Map<string, XmlNode[]>;
  readonly tags: Set<string>;
  notes: string;
  /** `<volume>` each; undefined for a domain that has none by its class. */
  volumes: XmlNode[] | undefined;
}

/** Turns the text of a `ref` attribute (`label-1`, `domain-7`) into the name meant. */
export type Dereference = (reference: string) => string;

/** Takes a `<domain>` apart. Whatever is not part of a domain is left behind, as Qubes does. */
export function readDomain(untrustedNode: XmlNode, dereference: Dereference): DomainRecord {
  const devices = new Map<string, XmlNode[]>();
  for (const group of untrustedNode.elements('devices')) {
    const deviceClass = group.attribute('class') ?? '';
    devices.set(deviceClass, [...(devices.get(deviceClass) ?? []), ...group.elements('device')]);
  }
  return {
    klass: untrustedNode.attribute('class') ?? '',
    properties: readProperties(untrustedNode.element('properties'), dereference),
    features: new Map(
      named(untrustedNode.element('features'), 'feature').map((node) => [nameOf(node), node.text]),
    ),
    devices,
    tags: new Set(named(untrustedNode.element('tags'), 'tag').map(nameOf)),
    notes: untrustedNode.element('notes')?.text ?? '',
    volumes: untrustedNode.element('volume-config')?.elements('volume'),
  };
}

/** The values of a `<properties>`; the last one of a name counts. */
export function readProperties(
  untrustedNode: XmlNode | undefined,
  dereference: Dereference,
): Map<string, string> {
  return new Map(
    named(untrustedNode, 'property').map((node) => {
      const reference = node.attribute('ref');
      return [nameOf(node), reference ? dereference(reference) : node.text];
    }),
  );
}

/** Puts it together again, in the order in which the domain itself would. */
export function writeDomain(record: DomainRecord): XmlNode {
  const node = element(
    'domain',
    { id: `domain-${record.properties.get('qid') ?? 0}`, class: record.klass },
    writeProperties(record.properties, [...propertiesOf(record.klass).keys()]),
    element('features', {}, ...[...record.features].map(([name, value]) => withText('feature', name, value))),
  );
  for (const [deviceClass, devices] of record.devices) {
    node.children.push(element('devices', { class: deviceClass }, ...devices));
  }
  node.children.push(element('tags', {}, ...[...record.tags].map((name) => element('tag', { name }))));
  if (record.notes !== '') node.children.push(element('notes', {}, record.notes));
  if (record.volumes !== undefined) node.children.push(new XmlNode('volume-config', [], record.volumes));
  return node;
}

/** A `<properties>`: those named in `order` first and in that order, then the others as they come. */
export function writeProperties(properties: ReadonlyMap<string, string>, order: readonly string[]): XmlNode {
  const names = new Set([...order.filter((name) => properties.has(name)), ...properties.keys()]);
  return element(
    'properties',
    {},
    ...[...names].map((name) => withText('property', name, properties.get(name) ?? '')),
  );
}

/** `True` and `1` and the like, as Qubes reads booleans. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && ['true', 'yes', 'on', '1'].includes(text.trim().toLowerCase());
}

export function hasAssignedPci(record: DomainRecord): boolean {
  return (record.devices.get('pci') ?? []).length > 0;
}

function named(parent: XmlNode | undefined, name: string): XmlNode[] {
  return parent?.elements(name).filter((node) => node.attribute('name')) ?? [];
}

function nameOf(node: XmlNode): string {
  return node.attribute('name') ?? '';
}

function withText(tag: string, name: string, text: string): XmlNode {
  return text === '' ? element(tag, { name }) : element(tag, { name }, text);
}
