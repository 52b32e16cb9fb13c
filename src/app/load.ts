import { messageOf, QubesValueError } from '../base/errors.ts';
import type { BaseVM } from '../vm/base-vm.ts';
import { BaseVMMeta } from '../vm/base-vm-meta.ts';
import { BrokenVM } from '../vm/broken-vm.ts';
import { checkedName } from '../vm/name.ts';
import { ADMIN_NAME, ADMIN_UUID } from '../vm/properties/admin.ts';
import { element, type XmlNode } from '../xml/node.ts';
import { DEFAULT_POOL } from './pools.ts';
import type { Qubes } from './qubes.ts';
import type { StoredRecord } from './store/store.ts';

/**
 * Fills a system from its stored records. Nothing in them can make this fail: a record that cannot be used marks
 * the one thing it describes as broken. A system with no records is given what every system has.
 */
export async function load(system: Qubes, records: readonly StoredRecord[], poolPath: string): Promise<void> {
  const { label, pool, domain, operation } = sorted(records);
  for (const { id, node, problem } of label)
    restoreOr(system, `label ${id}`, problem, () => system.labels.restore(need(node)));
  for (const { id, node, problem } of pool) system.pools.restore(id, node, problem);
  if (records.length === 0) await createBasics(system, poolPath);
  system.labels.restoreBuiltIn();

  system.adminVM.identify({ uuid: ADMIN_UUID, qid: 0, name: ADMIN_NAME, label: system.label('black') });
  system.domains.add(system.adminVM);
  const loaded = introduceAll(system, domain);
  for (const { key, node, problem } of records)
    if (key === 'system') restoreOr(system, 'system', problem, () => system.restoreProperties(need(node)));
  for (const { vm, node } of loaded) if (node && !vm.broken) loadOrBreak(system, vm, node);
  for (const { vm, node } of loaded) breakCircle(system, vm, node);
  for (const { id, node, problem } of operation)
    restoreOr(system, `operation on ${id}`, undefined, () => system.operations.restore(id, node, problem));
}

interface Sorted {
  readonly id: string;
  readonly node?: XmlNode | undefined;
  readonly problem?: string | undefined;
}

function sorted(
  records: readonly StoredRecord[],
): Record<'label' | 'pool' | 'domain' | 'operation', Sorted[]> {
  const kinds = {
    label: [] as Sorted[],
    pool: [] as Sorted[],
    domain: [] as Sorted[],
    operation: [] as Sorted[],
  };
  for (const { key, node, problem } of records) {
    const slash = key.indexOf('/');
    const kind = key.slice(0, slash) as keyof typeof kinds;
    kinds[kind]?.push({ id: key.slice(slash + 1), node, problem });
  }
  return kinds;
}

/** What a new system has: Qubes' labels and one pool. */
async function createBasics(system: Qubes, poolPath: string): Promise<void> {
  await system.change((change) => {
    system.labels.createBuiltIn(change);
    system.pools.add(change, DEFAULT_POOL, 'dir', { dir_path: poolPath });
    change.touch(system);
  });
}

/**
 * First pass: every domain exists and can be referred to. Sound records come first: a broken one gets a number, and
 * where need be a name, that they leave free.
 */
function introduceAll(
  system: Qubes,
  records: readonly Sorted[],
): { vm: BaseVM; node: XmlNode | undefined }[] {
  const broken: (() => BaseVM)[] = [];
  const sound = records.flatMap((record) => {
    try {
      return [{ vm: introduce(system, record), node: record.node }];
    } catch (error) {
      broken.push(() => addBroken(system, record.id, record.node ?? null, messageOf(error)));
      return [];
    }
  });
  for (const add of broken) add();
  return sound;
}

/** Throws QubesException on a record that cannot be used. */
function introduce(system: Qubes, { id, node, problem }: Sorted): BaseVM {
  if (id === ADMIN_UUID) return introduceAdminVM(system, problem);
  if (problem !== undefined) throw new QubesValueError(problem);
  const vm = new (BaseVMMeta.get(need(node).attribute('class') ?? ''))(system);
  vm.loadIdentity(need(node));
  if (vm.uuid !== id) throw new QubesValueError(`it says its UUID is ${vm.uuid}, and is stored as ${id}`);
  if (!system.domains.isQidFree(vm.qid))
    throw new QubesValueError(`its number ${vm.qid} is another domain's`);
  system.domains.add(vm);
  return vm;
}

/** The host is there whatever its record says. */
function introduceAdminVM(system: Qubes, problem: string | undefined): BaseVM {
  if (problem !== undefined) breakWith(system, system.adminVM, null, problem);
  return system.adminVM;
}

function addBroken(system: Qubes, uuid: string, node: XmlNode | null, why: string): BaseVM {
  const vm = new BrokenVM(system, why, node);
  const qid = system.domains.takeQid();
  vm.identify({ uuid, qid, name: nameFor(system, uuid, node), label: system.label('black') });
  system.domains.add(vm);
  system.log.error('a domain is broken', { domain: vm.name, uuid, why });
  return vm;
}

/** The name a broken record gives, if it is one and free; else one that is made up. */
export function nameFor(system: Qubes, uuid: string, node: XmlNode | null): string {
  const properties = node?.element('properties')?.elements('property') ?? [];
  const untrustedName = properties.find((property) => property.attribute('name') === 'name')?.text ?? '';
  try {
    if (system.domains.isNameFree(untrustedName)) return checkedName(untrustedName);
  } catch {
    // Not a name; the made-up one below will do.
  }
  return `broken-${uuid.slice(0, 13)}`;
}

/** Second pass: everything else, now that every domain can be found. A record that cannot be used marks it broken. */
export function loadOrBreak(system: Qubes, vm: BaseVM, node: XmlNode): void {
  try {
    vm.load(node);
    takeDispid(system, vm);
  } catch (error) {
    breakWith(system, vm, node, messageOf(error));
  }
}

/** No change makes one, but a record may say anything, and following a circle never ends. */
function breakCircle(system: Qubes, vm: BaseVM, node: XmlNode | undefined): void {
  const circle = (['template', 'netvm'] as const).find((reference) => leadsBack(vm, reference));
  if (!circle) return;
  const { label } = vm;
  vm.abandon();
  vm.choose(vm.property('label'), label);
  breakWith(system, vm, node ?? null, `its ${circle} leads back to itself`);
}

function leadsBack(vm: BaseVM, reference: 'template' | 'netvm'): boolean {
  const next = (from: BaseVM) => {
    const property = from.properties.get(reference);
    return property && !from.isDefault(property) ? (from.value(property) as BaseVM | null) : null;
  };
  const passed = new Set<BaseVM>();
  for (let above = next(vm); above && !passed.has(above); above = next(above)) {
    if (above === vm) return true;
    passed.add(above);
  }
  return false;
}

function breakWith({ log }: Qubes, vm: BaseVM, asFound: XmlNode | null, why: string): void {
  vm.markBroken(why, asFound);
  log.error('a domain is broken', { domain: vm.name, uuid: vm.uuid, why });
}

/** Two disposables of one number would have one address. */
function takeDispid({ domains }: Qubes, { dispid }: BaseVM): void {
  if (dispid === undefined) return;
  if (!domains.isDispidFree(dispid)) throw new QubesValueError(`its dispid ${dispid} is another domain's`);
  domains.holdDispid(dispid);
}

function restoreOr(system: Qubes, what: string, problem: string | undefined, restore: () => void): void {
  try {
    if (problem !== undefined) throw new QubesValueError(problem);
    restore();
  } catch (error) {
    system.log.error('a stored record cannot be used', { what, error });
  }
}

function need(node: XmlNode | undefined): XmlNode {
  return node ?? element('missing');
}
