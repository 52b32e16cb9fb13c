import { messageOf, printable, QubesException, QubesValueError } from '../../base/errors.ts';
import { MAX_QID } from '../../hypervisor/id-range.ts';
import type { XmlNode } from '../../xml/node.ts';
import { properties as systemProperties } from '../properties.ts';
import { pinVirtMode } from './class-spelling.ts';
import { readDomain, readProperties, writeDomain, writeProperties } from './domain-record.ts';
import { Identities } from './identities.ts';
import { importLabels } from './import-labels.ts';
import { importPools } from './import-pools.ts';
import { type Candidate, type Import, sound } from './import-work.ts';
import { isKnownClass } from './known-properties.ts';
import {
  breakNetvmLoops,
  checkTemplates,
  dropUnknownProperties,
  resolveDevices,
  resolveDomains,
} from './references.ts';
import { modernise, moderniseSystem } from './spellings.ts';
import type { CarriedDomain, ImportedSystem } from './system-records.ts';

/**
 * Reads the `<qubes>` of a foreign file: any of Qubes 4.0 to 4.4, trees that have the classes NetVM, ProxyVM and
 * HVM, and what `exportSystem` wrote. Pure: nothing of the running system is looked at or changed.
 *
 * Everything comes out in this system's spelling. A domain whose record is bad is carried as broken with the
 * reason; a value Qubes would ignore is dropped with a warning; a `netvm` that does not exist becomes none, never
 * the default. Where the file leaves `virt_mode` to Qubes' default, that default is written down. A domain without
 * a UUID comes out without one.
 *
 * @throws QubesValueError when it is not a qubes.xml at all.
 */
export function importSystem(untrustedRoot: XmlNode): ImportedSystem {
  refuseOther(untrustedRoot);
  refuseTooMany(untrustedRoot);
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);

  const labels = importLabels(untrustedRoot, warn);
  const pools = importPools(untrustedRoot, warn);
  const dereference = dereferencer(untrustedRoot);
  const system = readProperties(untrustedRoot.element('properties'), dereference);
  const candidates = domainNodes(untrustedRoot).map((node) => candidateFrom(node, dereference));
  const names = new Set(pools.flatMap((pool) => pool.attribute('name') ?? []));
  const work: Import = { candidates, system, pools: names, warn };

  checkIdentities(work, labels);
  for (const candidate of sound(work))
    modernise(candidate.record, (change) => warn(`${candidate.name}: ${change}`));
  checkClasses(work);
  moderniseSystem(work);
  resolveDomains(work);
  checkTemplates(work);
  resolveDevices(work);
  breakNetvmLoops(work);
  for (const { name, record } of sound(work)) {
    const change = pinVirtMode(record);
    if (change !== undefined) warn(`${name}: ${change}`);
  }
  dropUnknownProperties(work);

  return {
    properties: writeProperties(system, [...systemProperties.keys()]),
    labels,
    pools,
    domains: candidates.map(carried),
    warnings: [
      ...warnings,
      ...candidates.flatMap(({ name, problem }) => (problem ? `${name}: carried as broken: ${problem}` : [])),
    ],
  };
}

function refuseOther(untrustedRoot: XmlNode): void {
  if (untrustedRoot.name === 'QubesVmCollection') {
    throw new QubesValueError(
      'This is a qubes.xml of Qubes 3; load it into Qubes 4.0 first, and import what that makes of it',
    );
  }
  if (untrustedRoot.name !== 'qubes' || untrustedRoot.element('domains') === undefined) {
    throw new QubesValueError(
      `This is not a qubes.xml: it must be a <qubes> with <domains> in it, and is a <${printable(untrustedRoot.name)}>`,
    );
  }
}

/** Before anything is done with each. */
function refuseTooMany(untrustedRoot: XmlNode): void {
  const count = domainNodes(untrustedRoot).length;
  if (count > MAX_QID + 1)
    throw new QubesValueError(`The file has ${count} domains; there can be no more than ${MAX_QID}`);
}

function domainNodes(untrustedRoot: XmlNode): XmlNode[] {
  const broken = untrustedRoot.element('bulkhead')?.element('broken-domains')?.elements() ?? [];
  return [...(untrustedRoot.element('domains')?.elements('domain') ?? []), ...broken];
}

/** By `id`: labels give their name, domains the value of their property `name`. An unknown one stays as it is. */
function dereferencer(untrustedRoot: XmlNode): (reference: string) => string {
  const names = new Map<string, string>();
  for (const label of untrustedRoot.element('labels')?.elements('label') ?? [])
    names.set(label.attribute('id') ?? '', label.text);
  for (const domain of untrustedRoot.element('domains')?.elements('domain') ?? []) {
    const properties = domain.element('properties')?.elements('property') ?? [];
    const name = properties.find((property) => property.attribute('name') === 'name')?.text;
    names.set(domain.attribute('id') ?? '', name ?? (domain.attribute('class') === 'AdminVM' ? 'dom0' : ''));
  }
  return (reference) => names.get(reference) ?? reference;
}

function candidateFrom(found: XmlNode, dereference: (reference: string) => string): Candidate {
  const record = readDomain(found, dereference);
  const untrustedName = record.klass === 'AdminVM' ? 'dom0' : (record.properties.get('name') ?? '');
  return {
    found,
    record,
    name: printable(untrustedName, 64) || `(no name, ${printable(found.attribute('id') ?? 'no id', 64)})`,
    problem: undefined,
  };
}

function checkIdentities(work: Import, labels: readonly XmlNode[]): void {
  const identities = new Identities(labels);
  for (const candidate of work.candidates) {
    try {
      identities.claim(candidate.found, candidate.record);
    } catch (error) {
      if (!(error instanceof QubesException)) throw error;
      candidate.problem = messageOf(error);
    }
  }
}

function checkClasses(work: Import): void {
  for (const candidate of sound(work)) {
    const { klass } = candidate.record;
    if (!isKnownClass(klass)) candidate.problem = `its class '${printable(klass)}' is not known`;
  }
}

function carried({ found, record, problem }: Candidate): CarriedDomain {
  return problem === undefined ? { node: writeDomain(record) } : { node: found, problem };
}
