import type { DomainVolumes, VolumePlan } from '../storage/domain-volumes.ts';

const GIB = 1024 ** 3;
const ROOT_SIZE = 10 * GIB;
const PRIVATE_SIZE = 2 * GIB;

/** Where a snapshot comes from. */
type Source = () => { readonly volumes: DomainVolumes } | null;

/** A system of the domain's own; earlier states are kept so that a bad update can be taken back. */
export const ownRoot: VolumePlan = { name: 'root', kind: 'own', size: ROOT_SIZE, revisionsToKeep: 1 };

/** The domain's own data. */
export const ownPrivate: VolumePlan = {
  name: 'private',
  kind: 'own',
  size: PRIVATE_SIZE,
  revisionsToKeep: 0,
};

/** Own data that disposables are made of: what they see must not change under them. */
export const sharedPrivate: VolumePlan = { ...ownPrivate, revisionsToKeep: 1 };

/** Empty at every start. */
export const volatile: VolumePlan = {
  name: 'volatile',
  kind: 'scratch',
  size: ROOT_SIZE,
  revisionsToKeep: 0,
};

/** Another domain's system, as it is when this one starts; changes are discarded. */
export function rootOf(source: Source): VolumePlan {
  return { ...ownRoot, kind: 'snapshot', revisionsToKeep: 0, source };
}

/** Another domain's data, as it is when this one starts; changes are discarded. */
export function privateOf(source: Source): VolumePlan {
  return { ...ownPrivate, kind: 'snapshot', source };
}
