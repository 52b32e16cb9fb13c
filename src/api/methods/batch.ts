/** `bulkhead.vm.GetAll`: everything about all domains in one answer, where Qubes' clients ask for each by itself. */
import { messageOf, ProtocolError, printable } from '../../base/errors.ts';
import type { BaseVM } from '../../vm/base-vm.ts';
import type { Handler } from '../call.ts';
import { utf8Payload } from '../payload.ts';

/** What the caller wants to know of each domain. */
interface Wanted {
  /** Names; all when undefined. */
  readonly properties: readonly string[] | undefined;
  readonly features: boolean;
  readonly tags: boolean;
}

const EVERYTHING: Wanted = { properties: undefined, features: true, tags: true };

export const batch = {
  'bulkhead.vm.GetAll'({ system, untrustedPayload, visible }) {
    const wanted = parseWanted(utf8Payload(untrustedPayload));
    return JSON.stringify(visible(system.domains.sorted).map((vm) => describe(vm, wanted)));
  },
} satisfies Record<string, Handler>;

/** `{"properties": ["label", "netvm"], "features": false, "tags": false}`; what is not said: all of it. */
function parseWanted(untrustedText: string): Wanted {
  if (untrustedText === '') return EVERYTHING;
  const { properties, features = true, tags = true } = parsed(untrustedText);
  if (properties !== undefined && !isListOfNames(properties))
    throw new ProtocolError("'properties' must be a list of names");
  return { properties, features: features === true, tags: tags === true };
}

function isListOfNames(untrusted: unknown): untrusted is readonly string[] {
  return Array.isArray(untrusted) && untrusted.every((name) => typeof name === 'string');
}

function parsed(untrustedText: string): { readonly [key in keyof Wanted]?: unknown } {
  try {
    const value: unknown = JSON.parse(untrustedText);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new ProtocolError(`The payload is not JSON: ${printable(messageOf(error))}`);
  }
  throw new ProtocolError('The payload must be a JSON object');
}

function describe(vm: BaseVM, wanted: Wanted) {
  const properties: Record<string, { value: string; default: boolean; type: string }> = {};
  for (const name of wanted.properties ?? vm.properties.keys()) {
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
    ...(wanted.features ? { features: Object.fromEntries(vm.features.entries()) } : {}),
    ...(wanted.tags ? { tags: vm.tags.sorted() } : {}),
  };
}
