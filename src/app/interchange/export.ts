import { element, type XmlNode } from '../../xml/node.ts';
import { hideVirtMode, toNewClass } from './class-spelling.ts';
import { readDomain, writeDomain } from './domain-record.ts';
import { poolsForQubes } from './pool-spelling.ts';
import type { SystemRecords } from './system-records.ts';

/**
 * The whole system as one document that Qubes 4.4 loads, and that `importSystem` turns back into the same records.
 * Says in Qubes' words what they can say; see `class-spelling.ts` and `pool-spelling.ts` for the rest. Domains
 * carried as broken go into an element Qubes ignores, for it would not start with one of them.
 */
export function exportSystem({ properties, labels, pools, domains }: SystemRecords): XmlNode {
  const sound = domains
    .filter(({ problem }) => problem === undefined)
    .map(({ node }) => domainForQubes(node));
  const broken = domains.filter(({ problem }) => problem !== undefined).map(({ node }) => node);
  return element(
    'qubes',
    {},
    element('labels', {}, ...labels),
    poolsForQubes(pools),
    properties,
    element('domains', {}, ...sound.sort((a, b) => numberOf(a) - numberOf(b))),
    element(
      'bulkhead',
      {},
      element('pools', {}, ...pools),
      ...(broken.length > 0 ? [element('broken-domains', {}, ...broken)] : []),
    ),
  );
}

function domainForQubes(node: XmlNode): XmlNode {
  const record = readDomain(node, (reference) => reference);
  hideVirtMode(record);
  toNewClass(record);
  // Qubes has these of dom0 built in, and refuses a file that sets them.
  if (record.klass === 'AdminVM') for (const name of ['uuid', 'qid', 'name']) record.properties.delete(name);
  return writeDomain(record);
}

function numberOf(domain: XmlNode): number {
  return Number(domain.attribute('id')?.replace('domain-', '') ?? 0);
}
