import type { Property } from '../../src/property/descriptor.ts';
import type { PropertyHolder } from '../../src/property/holder.ts';
import { Model } from '../../test/support/model.ts';
import { code, markdownTable } from './markdown.ts';

type AnyProperty = Property<never, unknown>;

const HEADS = ['Property', 'Type', 'Set', 'Default', 'Meaning'];
const SETTABLE = { always: 'yes', once: 'once', never: 'no' } as const;
/** Classes whose properties are those of a StandaloneVM and some more, or with other defaults. */
const VARIANTS = ['TemplateVM', 'AppVM', 'NetVM', 'ProxyVM', 'DispVM', 'HVM'];

/**
 * Properties of every class, as a new domain of it has them in a small system like the one `npm start` makes.
 * Tables: `common` (StandaloneVM), one a class with what differs from it, `AdminVM`, `RemoteVM` and `system`.
 */
export async function propertyTables(): Promise<Record<string, string>> {
  const model = await smallSystem();
  const common = rowsOf(await pair(model, 'StandaloneVM'));
  const tables: Record<string, string> = { common: tableOf(common.values()) };
  for (const name of VARIANTS) {
    const rows = rowsOf(await pair(model, name));
    const differing = [...rows].filter(([property, row]) => String(row) !== String(common.get(property)));
    tables[name] = tableOf(differing.map(([, row]) => row));
  }
  tables['AdminVM'] = tableOf(rowsOf([model.system.adminVM]).values());
  tables['RemoteVM'] = tableOf(rowsOf(await pair(model, 'RemoteVM')).values());
  tables['system'] = tableOf(rowsOf([(await Model.make()).system]).values());
  return tables;
}

const TEMPLATES: Readonly<Record<string, string>> = {
  AppVM: 'host',
  NetVM: 'host',
  ProxyVM: 'host',
  DispVM: 'default-dvm',
};

async function smallSystem(): Promise<Model> {
  const model = await Model.make();
  await model.add('TemplateVM', 'host');
  await model.add('NetVM', 'sys-net', { template: 'host' });
  await model.add('ProxyVM', 'sys-firewall', { template: 'host', netvm: 'sys-net' });
  await model.add('AppVM', 'default-dvm', { template: 'host', template_for_dispvms: 'True' });
  const { system } = model;
  await system.change((change) => {
    for (const [name, value] of Object.entries(SYSTEM)) system.setText(change, system.property(name), value);
  });
  return model;
}

const SYSTEM = { default_template: 'host', default_netvm: 'sys-firewall', default_dispvm: 'default-dvm' };

/** Two new domains alike: a default in which they differ depends on the domain itself. */
async function pair(model: Model, className: string): Promise<PropertyHolder[]> {
  const name = className.toLowerCase();
  const template = TEMPLATES[className];
  const values = (dispid: string) => ({
    ...(template === undefined ? {} : { template }),
    ...(className === 'DispVM' ? { dispid } : {}),
  });
  return [
    await model.add(className, `${name}-1`, values('101')),
    await model.add(className, `${name}-2`, values('102')),
  ];
}

function rowsOf(holders: readonly PropertyHolder[]): Map<string, string[]> {
  const [holder] = holders as [PropertyHolder];
  const properties = [...holder.properties.values()] as AnyProperty[];
  properties.sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(properties.map((property) => [property.name, rowOf(property, holders)]));
}

function rowOf(property: AnyProperty, holders: readonly PropertyHolder[]): string[] {
  const { name, type, settable, doc } = property;
  return [code(name), type, SETTABLE[settable], defaultOf(property, holders), doc];
}

function defaultOf(property: AnyProperty, holders: readonly PropertyHolder[]): string {
  if (!property.default) return property.settable === 'once' ? 'given when it is made' : 'must be given';
  const [first = '', other = first] = holders.map((holder) => shown(property, holder.defaultOf(property)));
  return first === other ? first : `its own, such as ${first}`;
}

function shown(property: AnyProperty, value: unknown): string {
  if (value === null) return 'none';
  return code(property.format(value as never)) || 'empty';
}

function tableOf(rows: Iterable<readonly string[]>): string {
  return markdownTable(HEADS, [...rows]);
}
