/** `admin.vm.property.*` and `admin.property.*`: the same calls on a domain and on the system. */
import { QubesValueError } from '../../base/errors.ts';
import type { Property } from '../../property/descriptor.ts';
import type { PropertyHolder } from '../../property/holder.ts';
import type { Call, Handler } from '../call.ts';
import { asciiPayload } from '../payload.ts';

type HolderOf = (call: Call) => PropertyHolder;

export const vmProperties = methodsFor('admin.vm.property', ({ destination }) => destination);
export const systemProperties = methodsFor('admin.property', ({ system }) => system);

function methodsFor(prefix: string, holderOf: HolderOf): Record<string, Handler> {
  const find = (call: Call) => {
    const holder = holderOf(call);
    return { holder, property: holder.property(call.untrustedArgument) };
  };
  return {
    [`${prefix}.List`]: (call) => lines(call.visible(holderOf(call).properties.keys())),
    [`${prefix}.Get`](call) {
      const { holder, property } = find(call);
      return describe(holder, property);
    },
    [`${prefix}.GetAll`](call) {
      const holder = holderOf(call);
      const names = call.visible(holder.properties.keys()).sort();
      return lines(names.map((name) => `${name} ${escaped(describe(holder, holder.property(name)))}`));
    },
    [`${prefix}.GetDefault`](call) {
      const { holder, property } = find(call);
      if (!property.default) return '';
      return `type=${property.type} ${formatted(property, holder.defaultOf(property))}`;
    },
    [`${prefix}.Help`]: (call) => find(call).property.doc,
    async [`${prefix}.Set`](call) {
      const { holder, property } = find(call);
      const untrustedText = asciiPayload(call.untrustedPayload, QubesValueError);
      await call.system.change((change) => holder.setText(change, property, untrustedText));
      return '';
    },
    async [`${prefix}.Reset`](call) {
      const { holder, property } = find(call);
      await call.system.change((change) => holder.reset(change, property));
      return '';
    },
  };
}

/** `default=True type=int 400` */
function describe(holder: PropertyHolder, property: Property<never, unknown>): string {
  const byDefault = holder.isDefault(property) ? 'True' : 'False';
  return `default=${byDefault} type=${property.type} ${formatted(property, holder.value(property))}`;
}

function formatted(property: Property<never, unknown>, value: unknown): string {
  return property.format(value as never);
}

/** Many values share an answer, a line each. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}
