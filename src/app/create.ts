import { randomUUID } from 'node:crypto';
import {
  messageOf,
  QubesException,
  QubesPropertyValueError,
  QubesValueError,
  StoragePoolException,
} from '../base/errors.ts';
import type { Change } from '../property/holder.ts';
import type { BaseVM } from '../vm/base-vm.ts';
import { BaseVMMeta } from '../vm/base-vm-meta.ts';
import { DispVM } from '../vm/disp-vm.ts';
import { checkedName } from '../vm/name.ts';
import { auto_cleanup, dispid } from '../vm/properties/template.ts';
import { QubesVM } from '../vm/qubes-vm.ts';
import type { Qubes } from './qubes.ts';

/** What a new domain is to be. */
export interface NewDomain {
  readonly untrustedClass: string;
  readonly untrustedName: string;
  readonly untrustedLabel: string;
  /** Name of the template; empty: the system's default, where the class needs one. */
  readonly untrustedTemplate: string;
  /** Pools of its volumes by volume name; the system's defaults for those not named. */
  readonly pools?: Readonly<Record<string, string>>;
  /** Number of a disposable; a free one when not given. */
  readonly dispid?: number;
  /** More to do in the change that takes it into the system. */
  readonly alsoDo?: (change: Change, vm: BaseVM) => void;
}

/**
 * Makes a domain with its volumes. All or nothing, also across a crash. Announces `domain-add` of the system and
 * `domain-create-on-disk`. Throws QubesVMAlreadyExistsError, QubesValueError.
 */
export async function createDomain(system: Qubes, wanted: NewDomain): Promise<BaseVM> {
  const name = checkedName(wanted.untrustedName);
  const domainClass = BaseVMMeta.get(wanted.untrustedClass);
  if (wanted.untrustedClass === 'AdminVM')
    throw new QubesValueError('There is one AdminVM, the host; no other can be made');
  const label = system.label(wanted.untrustedLabel);
  using _reserved = system.domains.reserveName(name);
  const vm = new domainClass(system);
  vm.identify({ uuid: randomUUID(), qid: system.domains.takeQid(), name, label });
  let begun = false;
  try {
    if (vm instanceof DispVM) vm.choose(dispid, wanted.dispid ?? system.domains.takeDispid());
    chooseTemplate(system, vm, wanted.untrustedTemplate);
    if (vm instanceof QubesVM) {
      vm.volumes.place({ ...poolsOf(vm), ...wanted.pools });
      begun = await beginVolumes(system, vm);
      await vm.volumes.create();
    }
    await system.change((change) => {
      if (vm instanceof DispVM) inheritFromTemplate(change, vm);
      system.adopt(change, vm);
      if (vm instanceof QubesVM) system.strike(change, vm);
      wanted.alsoDo?.(change, vm);
      change.onCommitted(() => vm.announce('domain-create-on-disk'));
    });
    return vm;
  } catch (error) {
    const unmade = !begun || (await unmakeVolumes(system, vm as QubesVM));
    vm.abandon();
    if (vm.dispid) system.domains.releaseDispid(vm.dispid);
    if (unmade) system.domains.releaseQid(vm.qid);
    // Volumes that are left may hold files of its range of ids.
    else system.domains.holdQid(vm.qid);
    throw error;
  }
}

/** Makes an unnamed disposable that is removed when it stops. Throws QubesException when `base` makes none. */
export async function createDisposable(
  system: Qubes,
  base: BaseVM | null,
  alsoDo: (change: Change, vm: BaseVM) => void = () => {},
): Promise<DispVM> {
  if (!base)
    throw new QubesException(
      'No disposable template was named, and the system has no default_dispvm; set it with: qubes-prefs default_dispvm NAME',
    );
  const number = system.domains.takeDispid();
  const vm = await createDomain(system, {
    untrustedClass: 'DispVM',
    untrustedName: `disp${number}`,
    untrustedLabel: base.label.name,
    untrustedTemplate: base.name,
    dispid: number,
    alsoDo(change, disposable) {
      disposable.set(change, auto_cleanup, true);
      alsoDo(change, disposable);
    },
  });
  return vm as DispVM;
}

/** Gives the domain its template before it is in the system; part of no change yet. */
function chooseTemplate(system: Qubes, vm: BaseVM, untrustedTemplate: string): void {
  const property = vm.properties.get('template');
  if (!property) {
    if (untrustedTemplate) throw new QubesValueError(`A ${vm.klass} has no template; leave it out`);
    return;
  }
  const byDefault = vm instanceof DispVM ? system.default_dispvm : system.default_template;
  const template = untrustedTemplate ? system.domain(untrustedTemplate) : property.default ? null : byDefault;
  if (!template && property.default) return;
  if (!template)
    throw new QubesPropertyValueError(
      `No template was named for the ${vm.klass}, and the system has no default one; set it with: qubes-prefs ` +
        `${vm instanceof DispVM ? 'default_dispvm' : 'default_template'} NAME`,
    );
  vm.choose(property, template);
}

/** The pools the volumes are in by default now: they stay there, whatever the default is later. */
export function poolsOf({ volumes }: QubesVM): Record<string, string> {
  return Object.fromEntries(volumes.names.map((name) => [name, volumes.poolName(name)]));
}

/** Writes down which volumes will be made, so that a crash half-way leaves none nobody knows of. Is there any? */
async function beginVolumes(system: Qubes, vm: QubesVM): Promise<boolean> {
  const places = vm.volumes.keptPlaces;
  for (const place of places) {
    const earlier = system.operations.holding(place);
    if (earlier)
      throw new StoragePoolException(
        `Volume ${place.vid} of an earlier domain named ${earlier.name} has not been removed yet; ` +
          'restart the daemon to have that done',
      );
  }
  await mustFindNothing(vm);
  if (places.length === 0) return false;
  await system.change((change) => system.journal(change, vm, 'create'));
  return true;
}

/**
 * A domain whose record was lost may have left volumes under the name it had. Nobody else is to have what it kept; what
 * it would not have kept is dropped.
 */
async function mustFindNothing({ volumes }: QubesVM): Promise<void> {
  for (const volume of volumes.kept)
    if (await volume.exists())
      throw new StoragePoolException(
        `Volume ${volume.config.vid} in pool '${volumes.poolName(volume.config.name)}' has data of an earlier domain ` +
          'of this name, whose record was lost; choose another name',
      );
  for (const volume of volumes.all) if (await volume.isDirty()) await volume.stop();
}

/** A disposable is set up like the domain it is made from. */
function inheritFromTemplate(change: Change, vm: DispVM): void {
  const base = vm.template;
  if (!base) return;
  for (const property of base.properties.values()) {
    if (base.isDefault(property) || !property.cloned || property.settable !== 'always') continue;
    if (!vm.properties.has(property.name) || NOT_INHERITED.has(property.name)) continue;
    vm.set(change, vm.property(property.name), base.value(property) as never);
  }
  for (const [feature, value] of base.features.entries()) vm.features.set(change, feature, value);
}

const NOT_INHERITED: ReadonlySet<string> = new Set([
  'label',
  'template',
  'default_dispvm',
  'autostart',
  'include_in_backups',
]);

/** Whether it could be done. If not it is still in the journal, and the next start of the daemon tries again. */
async function unmakeVolumes(system: Qubes, vm: QubesVM): Promise<boolean> {
  try {
    await Promise.all(vm.volumes.kept.map((volume) => volume.remove()));
    await system.change((change) => system.strike(change, vm));
    return true;
  } catch (error) {
    system.log.error('could not undo the creation of a domain', { domain: vm.name, error: messageOf(error) });
    return false;
  }
}
