import { randomUUID } from 'node:crypto';
import { printable, QubesVMAlreadyExistsError } from '../base/errors.ts';
import type { Change } from '../property/holder.ts';
import type { BaseVM } from '../vm/base-vm.ts';
import { BaseVMMeta } from '../vm/base-vm-meta.ts';
import { BrokenVM } from '../vm/broken-vm.ts';
import { QubesVM } from '../vm/qubes-vm.ts';
import { element, XmlNode } from '../xml/node.ts';
import type { CarriedDomain, ImportedSystem } from './interchange/system-records.ts';
import type { Qubes } from './qubes.ts';

/** What became of an import. */
export interface ImportReport {
  /** Names of the domains taken over. */
  readonly domains: readonly string[];
  /** What was changed, left out or could not be used. */
  readonly warnings: readonly string[];
}

/** A domain of the file that is to be taken over, with an identity that is free here. */
interface Newcomer {
  readonly node: XmlNode;
  readonly problem: string | undefined;
  readonly uuid: string;
  readonly qid: number;
  readonly name: string;
}

/**
 * Takes the domains, labels and system properties of an imported file into the running system, in one change: all
 * or nothing. A file holds no volumes' contents, so their volumes are made empty. Domains whose names exist here
 * make it throw QubesVMAlreadyExistsError, or with `skipExisting` are left out.
 */
export async function importInto(
  system: Qubes,
  imported: ImportedSystem,
  { skipExisting = false } = {},
): Promise<ImportReport> {
  const warnings = [...imported.warnings];
  const warn = (text: string) => void warnings.push(text);
  const wanted = withoutExisting(system, imported, skipExisting, warn);
  const held: number[] = [];
  try {
    const newcomers = wanted.map((domain) => newcomer(system, domain, held, warn));
    const made = await system.change((change) => {
      addLabels(system, change, imported.labels);
      const domains = newcomers.map((one) => introduce(system, change, one));
      fillIn(domains);
      mergeAdminVM(system, change, imported);
      takeProperties(system, change, imported.properties, warn);
      for (const { vm } of domains) if (vm instanceof QubesVM) system.journal(change, vm, 'create');
      return domains.map(({ vm }) => vm);
    });
    await Promise.all(made.map((vm) => (vm instanceof QubesVM ? makeVolumes(system, vm) : undefined)));
    return { domains: made.map(({ name }) => name), warnings };
  } catch (error) {
    for (const qid of held) system.domains.releaseQid(qid);
    throw error;
  }
}

function withoutExisting(
  system: Qubes,
  imported: ImportedSystem,
  skipExisting: boolean,
  warn: (text: string) => void,
): CarriedDomain[] {
  const domains = imported.domains.filter(({ node }) => node.attribute('class') !== 'AdminVM');
  const existing = domains
    .map(({ node }) => textOf(node, 'name'))
    .filter((name) => !system.domains.isNameFree(name));
  if (existing.length > 0 && !skipExisting)
    throw new QubesVMAlreadyExistsError(
      existing.join(', '),
      "nothing was imported. Remove them first, or keep them and leave the file's out with: bulkhead import --skip-existing FILE",
    );
  for (const name of existing) warn(`${name}: left out; the domain of that name that exists here is kept`);
  const left = domains.filter(({ node }) => !existing.includes(textOf(node, 'name')));
  for (const { node } of left) pinModeOfSkippedTemplate(node, domains, new Set(existing), warn);
  return left;
}

/** A domain that had its `virt_mode` from a template which is left out keeps it: the one here may isolate less. */
function pinModeOfSkippedTemplate(
  node: XmlNode,
  domains: readonly CarriedDomain[],
  skipped: ReadonlySet<string>,
  warn: (text: string) => void,
): void {
  const chain = [node];
  while (chain.length <= domains.length && !textOf(chain.at(-1) as XmlNode, 'virt_mode')) {
    const template = textOf(chain.at(-1) as XmlNode, 'template');
    const above = domains.find((domain) => textOf(domain.node, 'name') === template);
    if (!template || !above) break;
    chain.push(above.node);
  }
  if (!chain.slice(1).some((above) => skipped.has(textOf(above, 'name')))) return;
  const mode = textOf(chain.at(-1) as XmlNode, 'virt_mode') || 'pvh';
  node.element('properties')?.children.push(element('property', { name: 'virt_mode' }, mode));
  warn(
    `${textOf(node, 'name')}: its virt_mode came from a template that is left out and is now set to ${mode}`,
  );
}

/** Numbers and UUIDs are kept where they are free here. */
function newcomer(
  system: Qubes,
  { node, problem }: CarriedDomain,
  held: number[],
  warn: (text: string) => void,
): Newcomer {
  const untrustedName = textOf(node, 'name');
  const wantedQid = Number(textOf(node, 'qid'));
  const qid =
    Number.isInteger(wantedQid) && wantedQid > 0 && system.domains.isQidFree(wantedQid)
      ? wantedQid
      : system.domains.takeQid();
  system.domains.holdQid(qid);
  held.push(qid);
  const wantedUuid = textOf(node, 'uuid').toLowerCase();
  const uuid = isFreeUuid(system, wantedUuid) ? wantedUuid : randomUUID();
  const name =
    problem === undefined || /^[a-zA-Z][a-zA-Z0-9_.-]{0,30}$/.test(untrustedName)
      ? untrustedName
      : `broken-${uuid.slice(0, 13)}`;
  if (qid !== wantedQid)
    warn(
      `${printable(name)}: its number ${printable(textOf(node, 'qid')) || '(none)'} is taken here; it is now ${qid}, and its addresses change with it`,
    );
  return { node: identified(node, { uuid, qid: String(qid) }), problem, uuid, qid, name };
}

function isFreeUuid(system: Qubes, untrustedUuid: string): boolean {
  return (
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(untrustedUuid) &&
    !system.domains.find(`uuid:${untrustedUuid}`)
  );
}

/** The node with these properties in place of its own. */
function identified(node: XmlNode, identity: Readonly<Record<string, string>>): XmlNode {
  const properties = (node.element('properties')?.elements('property') ?? []).filter(
    (property) => !((property.attribute('name') as string) in identity),
  );
  const own = Object.entries(identity).map(([name, value]) => element('property', { name }, value));
  const rest = node.children.filter((child) => !(child instanceof XmlNode && child.name === 'properties'));
  return new XmlNode(node.name, node.attributes, [element('properties', {}, ...own, ...properties), ...rest]);
}

function addLabels(system: Qubes, change: Change, labels: readonly XmlNode[]): void {
  const known = new Set([...system.labels].map(({ name }) => name));
  for (const label of labels)
    if (!known.has(label.text)) system.labels.create(change, label.text, label.attribute('color') ?? '');
}

/** First pass: every domain can be found. */
function introduce(
  system: Qubes,
  change: Change,
  { node, problem, ...identity }: Newcomer,
): { vm: BaseVM; node: XmlNode } {
  const domainClass = problem === undefined ? BaseVMMeta.get(node.attribute('class') ?? '') : undefined;
  const vm = domainClass ? new domainClass(system) : new BrokenVM(system, problem ?? '', node);
  const label = domainClass ? textOf(node, 'label') : 'black';
  vm.identify({ ...identity, label: system.label(label) });
  system.adopt(change, vm);
  return { vm, node };
}

/** Second pass: all else. The conversion has checked every reference, so what fails here fails the import. */
function fillIn(domains: readonly { readonly vm: BaseVM; readonly node: XmlNode }[]): void {
  for (const { vm, node } of domains) if (!vm.broken) vm.load(withUsablePools(vm, node));
}

/** Volumes of pools that are not here are made in the default ones. */
function withUsablePools(vm: BaseVM, node: XmlNode): XmlNode {
  const system = vm.system as Qubes;
  const config = node.element('volume-config');
  for (const volume of config?.elements('volume') ?? [])
    if (!system.pools.has(volume.attribute('pool') ?? '')) {
      volume.attributes.set('pool', system.poolFor(volume.attribute('name') ?? '').name);
      volume.attributes.delete('vid');
    }
  return node;
}

function mergeAdminVM(system: Qubes, change: Change, imported: ImportedSystem): void {
  const node = imported.domains.find((domain) => domain.node.attribute('class') === 'AdminVM')?.node;
  for (const feature of node?.element('features')?.elements('feature') ?? [])
    system.adminVM.features.set(change, feature.attribute('name') ?? '', feature.text);
  for (const tag of node?.element('tags')?.elements('tag') ?? [])
    system.adminVM.tags.add(change, tag.attribute('name') ?? '');
}

/** System properties that have no value here take the file's. */
function takeProperties(
  system: Qubes,
  change: Change,
  properties: XmlNode,
  warn: (text: string) => void,
): void {
  for (const node of properties.elements('property')) {
    const property = system.property(node.attribute('name') ?? '');
    if (property.settable === 'never') continue;
    if (property.name.startsWith('default_pool') && !system.pools.has(node.text)) continue;
    if (!system.isDefault(property))
      warn(`the system's ${property.name} stays as it is here; the file has '${printable(node.text)}'`);
    else system.setText(change, property, node.text);
  }
}

/** In the domain's turn, so that it cannot be started before. */
async function makeVolumes(system: Qubes, vm: QubesVM): Promise<void> {
  await vm.whileHalted('imported', async () => {
    await vm.volumes.create();
    await system.change((change) => system.strike(change, vm));
  });
}

function textOf(node: XmlNode, property: string): string {
  const properties = node.element('properties')?.elements('property') ?? [];
  return properties.find((one) => one.attribute('name') === property)?.text ?? '';
}
