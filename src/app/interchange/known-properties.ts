/** Which properties a domain of a class, or the system, can be given. */
import type { PropertyTable } from '../../property/descriptor.ts';
import { BaseVMMeta } from '../../vm/base-vm-meta.ts';
import '../../vm/classes.ts';

/** The properties of a class of domains; none for a class there is not. */
export function propertiesOf(klass: string): PropertyTable<never> {
  if (!isKnownClass(klass)) return new Map();
  return (BaseVMMeta.get(klass) as unknown as { readonly properties: PropertyTable<never> }).properties;
}

export function isKnownClass(klass: string): boolean {
  return BaseVMMeta.names().includes(klass);
}
