import { randomUUID } from 'node:crypto';
import { messageOf, printable, QubesVMAlreadyExistsError } from '../base/errors.ts';
import { Transaction } from '../base/transaction.ts';
import type { Change } from '../property/holder.ts';
import type { BaseVM } from '../vm/base-vm.ts';
import { BaseVMMeta } from '../vm/base-vm-meta.ts';
import { BrokenVM } from '../vm/broken-vm.ts';
import { QubesVM } from '../vm/qubes-vm.ts';
import { element, XmlNode } from '../xml/node.ts';
import { poolsOf } from './create.ts';
import type { CarriedDomain, ImportedSystem } from './interchange/system-records.ts';
import { loadOrBreak, nameFor } from './load.ts';
import type { Qubes } from './qubes.ts';

/** What became of an import. */
export interface ImportReport {
  /** Names of the domains taken over. */
  readonly domains: readonly string[];
  /** What was changed, left out or could not be used. */
  readonly warnings: readonly string[];
}

/** A domain of the file that is to be taken over, with numbers that are free here. */
interface Newcomer {
  readonly node: XmlNode;
  readonly problem: string | undefined;
  readonly uuid: string;
  readonly qid: number;
}

/** What the file's domains have been given so far. */
interface Numbers {
  readonly qids: number[];
  readonly dispids: Set<number>;
}

/**
 * Takes the domains, labels and system properties of an imported file into the running system, in one change: all
 * or nothing. A file holds no volumes' contents, so they are then made, empty; where that fails, the report says so
 * and the next start of the daemon tries again. Domains whose names exist here make it throw
 * QubesVMAlreadyExistsError, or with `skipExisting` are left out.
 */
export async function importInto(
  system: Qubes,
  imported: ImportedSystem,
  { skipExisting = false } = {},
): Promise<ImportReport> {
  const warnings = [...imported.warnings];
  const warn = (text: string) => void warnings.push(text);
  const made = await introduceAll(system, imported, skipExisting, warn);
  await Promise.all(made.map((vm) => (vm instanceof QubesVM ? makeVolumes(system, vm, warn) : undefined)));
  return { domains: made.map(({ name }) => name), warnings };
}

/** All of the file but what is on disk, in one change. */
async function introduceAll(
  system: Qubes,
  imported: ImportedSystem,
  skipExisting: boolean,
  warn: (text: string) => void,
): Promise<BaseVM[]> {
  const taken: Numbers = { qids: [], dispids: new Set() };
  try {
    const newcomers = withoutExisting(system, imported, skipExisting, warn).map((domain) =>
      newcomer(system, domain, taken, warn),
    );
    return await system.change((change) => {
      addLabels(system, change, imported.labels);
      // Those that are sound keep their names; what is broken takes what they leave.
      const soundFirst = newcomers.toSorted(
        (a, b) => Number(a.problem !== undefined) - Number(b.problem !== undefined),
      );
      const domains = soundFirst.map((one) => introduce(system, change, one));
      for (const { vm, node } of domains) fillIn(system, vm, node, warn);
      mergeAdminVM(system, change, imported);
      takeProperties(system, change, imported.properties, warn);
      for (const { vm } of domains)
        if (vm instanceof QubesVM && !vm.broken) system.journal(change, vm, 'create');
      return domains.map(({ vm }) => vm);
    });
  } catch (error) {
    for (const qid of taken.qids) system.domains.releaseQid(qid);
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
  const skipped = new Set(existing);
  if (skipped.size === 0) return domains;
  const left = domains.filter(({ node }) => !skipped.has(textOf(node, 'name')));
  const byName = new Map(domains.toReversed().map(({ node }) => [textOf(node, 'name'), node]));
  for (const { node } of left) pinModeOfSkippedTemplate(node, byName, skipped, warn);
  return left;
}

/** A domain that had its `virt_mode` from a template which is left out keeps it: the one here may isolate less. */
function pinModeOfSkippedTemplate(
  node: XmlNode,
  byName: ReadonlyMap<string, XmlNode>,
  skipped: ReadonlySet<string>,
  warn: (text: string) => void,
): void {
  const chain = [node];
  while (chain.length <= byName.size && !textOf(chain.at(-1) as XmlNode, 'virt_mode')) {
    const template = textOf(chain.at(-1) as XmlNode, 'template');
    const above = byName.get(template);
    if (!template || !above) break;
    chain.push(above);
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
  taken: Numbers,
  warn: (text: string) => void,
): Newcomer {
  const name = printable(textOf(node, 'name'));
  const wantedQid = Number(textOf(node, 'qid'));
  const qid =
    Number.isInteger(wantedQid) && wantedQid > 0 && system.domains.isQidFree(wantedQid)
      ? wantedQid
      : system.domains.takeQid();
  system.domains.holdQid(qid);
  taken.qids.push(qid);
  if (qid !== wantedQid)
    warn(
      `${name}: its number ${printable(textOf(node, 'qid')) || '(none)'} is taken here; it is now ${qid}, and its addresses change with it`,
    );
  const wantedUuid = textOf(node, 'uuid').toLowerCase();
  const uuid = isFreeUuid(system, wantedUuid) ? wantedUuid : randomUUID();
  const dispid = problem === undefined ? freeDispid(system, node, taken.dispids) : undefined;
  if (dispid !== undefined) {
    const wanted = printable(textOf(node, 'dispid'));
    const why = wanted
      ? `its number as a disposable, ${wanted}, is taken here`
      : 'it has no number as a disposable';
    warn(`${name}: ${why}; it is now ${dispid}`);
  }
  const identity = { uuid, qid: String(qid), ...(dispid === undefined ? {} : { dispid: String(dispid) }) };
  return { node: identified(node, identity), problem, uuid, qid };
}

/** A number for a disposable that has none, or whose own is taken here or by one before it in the file. */
function freeDispid(system: Qubes, node: XmlNode, taken: Set<number>): number | undefined {
  if (node.attribute('class') !== 'DispVM') return undefined;
  const untrustedDispid = textOf(node, 'dispid');
  const wanted = /^\d{1,6}$/.test(untrustedDispid) ? Number(untrustedDispid) : undefined;
  let dispid = wanted;
  while (dispid === undefined || taken.has(dispid) || !system.domains.isDispidFree(dispid)) {
    dispid = system.domains.takeDispid();
    system.domains.releaseDispid(dispid);
  }
  taken.add(dispid);
  return dispid === wanted ? undefined : dispid;
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
  { node, problem, uuid, qid }: Newcomer,
): { vm: BaseVM; node: XmlNode } {
  const vm =
    problem === undefined
      ? new (BaseVMMeta.get(node.attribute('class') ?? ''))(system)
      : new BrokenVM(system, problem, node);
  const name = problem === undefined ? textOf(node, 'name') : nameFor(system, uuid, node);
  const label = problem === undefined ? textOf(node, 'label') : 'black';
  vm.identify({ uuid, qid, name, label: system.label(label) });
  // Else what it refers to would stay in use by a domain that never was.
  change.onUndo(() => vm.detach(new Transaction()));
  system.adopt(change, vm);
  return { vm, node };
}

/** Second pass: all else. */
function fillIn(system: Qubes, vm: BaseVM, node: XmlNode, warn: (text: string) => void): void {
  if (vm.broken) return;
  loadOrBreak(system, vm, withOwnPlaces(vm, node));
  if (vm.broken) warn(`${vm.name}: carried as broken: ${vm.broken}`);
  else if (vm instanceof QubesVM) vm.volumes.place(poolsOf(vm));
}

/**
 * Volumes are made anew: in pools that are here, and under ids of their own, for those of the file may be another
 * domain's here.
 */
function withOwnPlaces(vm: BaseVM, node: XmlNode): XmlNode {
  const system = vm.system as Qubes;
  const config = node.element('volume-config');
  for (const volume of config?.elements('volume') ?? []) {
    volume.attributes.delete('vid');
    if (!system.pools.has(volume.attribute('pool') ?? ''))
      volume.attributes.set('pool', system.poolFor(volume.attribute('name') ?? '').name);
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
async function makeVolumes(system: Qubes, vm: QubesVM, warn: (text: string) => void): Promise<void> {
  if (vm.broken) return;
  try {
    await vm.whileHalted('imported', async () => {
      await vm.volumes.create();
      await system.change((change) => system.strike(change, vm));
    });
  } catch (error) {
    warn(`${vm.name}: its volumes could not be made (${messageOf(error)}); restart the daemon to try again`);
  }
}

function textOf(node: XmlNode, property: string): string {
  const properties = node.element('properties')?.elements('property') ?? [];
  return properties.find((one) => one.attribute('name') === property)?.text ?? '';
}
