import type { DescribedDomain } from '../../../src/client/admin-client.ts';
import { type Answer, FakeRefusal, type SeenRequest } from '../client/fake-daemon.ts';

/** Answers of a small system: a chain sys-net, sys-firewall, work; a vault; a template. */

type Values = Record<string, [value: string, type: string, isDefault?: boolean]>;

function domain(name: string, klass: string, state: string, values: Values, more = {}): DescribedDomain {
  const properties = Object.fromEntries(
    Object.entries(values).map(([key, [value, type, isDefault = false]]) => [
      key,
      { value, type, default: isDefault },
    ]),
  );
  return {
    name,
    class: klass,
    state,
    uuid: `00000000-0000-4000-8000-${name.padEnd(12, '0').slice(0, 12)}`,
    properties,
    ...more,
  };
}

export const DOMAINS: readonly DescribedDomain[] = [
  domain(
    'work',
    'AppVM',
    'Running',
    {
      label: ['blue', 'label'],
      template: ['debian', 'vm'],
      netvm: ['sys-firewall', 'vm', true],
      memory: ['400', 'int', true],
      autostart: ['True', 'bool'],
    },
    { tags: ['office'], features: { 'service.cups': '1' } },
  ),
  domain('vault', 'AppVM', 'Halted', {
    label: ['black', 'label'],
    template: ['debian', 'vm'],
    netvm: ['', 'vm'],
    memory: ['90', 'int'],
  }),
  domain('debian', 'TemplateVM', 'Halted', {
    label: ['black', 'label'],
    netvm: ['', 'vm'],
    memory: ['1000', 'int'],
  }),
  domain('sys-net', 'NetVM', 'Running', {
    label: ['red', 'label'],
    template: ['debian', 'vm'],
    netvm: ['', 'vm'],
    provides_network: ['True', 'bool'],
    memory: ['300', 'int'],
  }),
  domain(
    'sys-firewall',
    'ProxyVM',
    'Paused',
    {
      label: ['green', 'label'],
      template: ['debian', 'vm'],
      netvm: ['sys-net', 'vm'],
      provides_network: ['True', 'bool'],
      memory: ['350', 'int'],
      gateway: ['10.137.0.1', 'str'],
    },
    { features: { internal: '1' } },
  ),
  domain('dom0', 'AdminVM', 'Running', { label: ['black', 'label'] }),
];

export function listLine({ name, class: klass, state, uuid }: DescribedDomain): string {
  return `${name} class=${klass} state=${state} uuid=${uuid}\n`;
}

/** Only what was asked for, as a careful daemon does. */
function describe({ payload }: SeenRequest): string {
  const want = JSON.parse(payload) as { properties: string[]; features?: boolean; tags?: boolean };
  return JSON.stringify(
    DOMAINS.map(({ properties, features = {}, tags = [], ...rest }) => ({
      ...rest,
      properties: Object.fromEntries(
        Object.entries(properties).filter(([name]) => want.properties.includes(name)),
      ),
      ...(want.features && { features }),
      ...(want.tags && { tags }),
    })),
  );
}

export const notFound = (name: string) =>
  new FakeRefusal('QubesVMNotFoundError', `No such domain: '${name}'`);

export const SYSTEM: Readonly<Record<string, Answer>> = {
  'bulkhead.vm.GetAll': describe,
  'admin.vm.List': ({ dest }) =>
    DOMAINS.filter(({ name }) => dest === 'dom0' || dest === name)
      .map(listLine)
      .join(''),
  'admin.label.List': () => 'red\nblue\nblack\n',
  'admin.vmclass.List': () => 'AppVM\nTemplateVM\n',
  'admin.pool.List': () => 'default\n',
  'admin.vm.property.List': () => 'netvm\nmemory\nlabel\n',
  'admin.vm.feature.List': () => 'service.cups\nservice.clocksync\ngui\n',
  'admin.vm.feature.Get': ({ arg }) =>
    ({ 'service.cups': '1', 'service.clocksync': '', gui: '1' })[arg] ??
    new FakeRefusal('QubesFeatureNotFoundError', `Feature not set for domain work: ${arg}`),
  'admin.vm.tag.List': () => 'vpn\noffice\n',
};
