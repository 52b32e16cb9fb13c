import { importSystem } from '../../../../src/app/interchange/import.ts';
import type { CarriedDomain, ImportedSystem } from '../../../../src/app/interchange/system-records.ts';
import type { XmlNode } from '../../../../src/xml/node.ts';
import { parseXml } from '../../../../src/xml/parser.ts';

const labels =
  '<labels><label id="label-1" color="0xcc0000">red</label><label id="label-8" color="0x000000">black</label></labels>';

/** A file with these domains; what is not said is in order. */
export function file(domains: string, { properties = '', pools = '', more = '' } = {}): XmlNode {
  return parseXml(
    `<qubes>${labels}<pools>${pools}</pools><properties>${properties}</properties><domains>${domains}</domains>${more}</qubes>`,
  );
}

/** A `<domain>` of that class and name; `rest` follows its `<properties>`. */
export function domain(
  klass: string,
  name: string,
  qid: number,
  values: Record<string, string> = {},
  rest = '',
): string {
  const all = { qid: String(qid), name, label: 'red', ...values };
  const properties = Object.entries(all).map(([key, value]) => `<property name="${key}">${value}</property>`);
  return `<domain id="domain-${qid}" class="${klass}"><properties>${properties.join('')}</properties>${rest}</domain>`;
}

export const template = domain('TemplateVM', 'tpl', 1, { virt_mode: 'pvh' });

export function imported(
  domains: string,
  more: { properties?: string; pools?: string; more?: string } = {},
): ImportedSystem {
  return importSystem(file(domains, more));
}

export function find(system: ImportedSystem, name: string): CarriedDomain {
  const found = system.domains.find(({ node }) => property(node, 'name') === name);
  if (found === undefined)
    throw new Error(
      `${name} was lost; there are ${system.domains.map(({ node }) => property(node, 'name'))}`,
    );
  return found;
}

/** A property's text; undefined when it is not there. */
export function property(node: XmlNode | undefined, name: string): string | undefined {
  const parent = node?.name === 'properties' ? node : node?.element('properties');
  return parent?.elements('property').find((child) => child.attribute('name') === name)?.text;
}

export function feature(node: XmlNode | undefined, name: string): string | undefined {
  return node
    ?.element('features')
    ?.elements('feature')
    .find((child) => child.attribute('name') === name)?.text;
}
