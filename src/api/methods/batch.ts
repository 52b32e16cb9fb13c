/** `bulkhead.vm.GetAll`: everything about all domains in one answer, where Qubes' clients ask for each by itself. */
import { messageOf, ProtocolError } from '../../base/errors.ts';
import type { BaseVM } from '../../vm/base-vm.ts';
import type { Handler } from '../call.ts';
import { utf8Payload } from '../payload.ts';

export const batch = {
  'bulkhead.vm.GetAll'({ system, untrustedPayload, visible }) {
    const wanted = wantedProperties(utf8Payload(untrustedPayload));
    return JSON.stringify(visible(system.domains.sorted).map((vm) => describe(vm, wanted)));
  },
} satisfies Record<string, Handler>;

/** `{"properties": ["label", "netvm"]}`; nothing: all. */
function wantedProperties(untrustedText: string): readonly string[] | undefined {
  if (untrustedText === '') return undefined;
  const { properties } = parsed(untrustedText);
  if (properties === undefined) return undefined;
  if (!Array.isArray(properties) || !properties.every((name) => typeof name === 'string'))
    throw new ProtocolError("'properties' must be a list of names");
  return properties;
}

function parsed(untrustedText: string): { readonly properties?: unknown } {
  try {
    const value: unknown = JSON.parse(untrustedText);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new ProtocolError(`The payload is not JSON: ${messageOf(error)}`);
  }
  throw new ProtocolError('The payload must be a JSON object');
}

function describe(vm: BaseVM, wanted: readonly string[] | undefined) {
  const properties: Record<string, { value: string; default: boolean; type: string }> = {};
  for (const name of wanted ?? vm.properties.keys()) {
    // Classes differ in what they have; what one lacks is simply not in its answer.
    const property = vm.properties.get(name);
    if (!property) continue;
    properties[name] = {
      value: property.format(vm.value(property) as never),
      default: vm.isDefault(property),
      type: property.type,
    };
  }
  return {
    name: vm.name,
    class: vm.klass,
    state: vm.powerState,
    uuid: vm.uuid,
    ...(vm.broken ? { broken: vm.broken } : {}),
    properties,
    features: Object.fromEntries(vm.features.entries()),
    tags: vm.tags.sorted(),
  };
}
