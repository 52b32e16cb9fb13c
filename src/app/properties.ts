/** Properties of the system as a whole (`qubes-prefs`). */
import { QubesPropertyValueError } from '../base/errors.ts';
import {
  boolean,
  integer,
  type Options,
  type Property,
  propertyTable,
  reference,
  text,
} from '../property/descriptor.ts';
import type { BaseVM } from '../vm/base-vm.ts';
import { mustBeDisposableTemplate } from '../vm/properties/behaviour.ts';
import type { Qubes } from './qubes.ts';

/** A domain, or none. */
function domain(name: string, options: Options<Qubes, BaseVM | null>): Property<Qubes, BaseVM | null> {
  return reference<Qubes, BaseVM>(name, 'vm', {
    optional: true,
    default: () => null,
    ...options,
    resolve: (system, untrustedName) => system.domain(untrustedName),
  });
}

/** A storage pool, by name. */
function pool(name: string, doc: string, byDefault: (system: Qubes) => string): Property<Qubes, string> {
  return text<Qubes>(name, { doc, default: byDefault, check: (system, value) => void system.pool(value) });
}

export const default_guivm = domain('default_guivm', {
  doc: "Domain that shows other domains' windows when they choose none.",
  default: (system) => system.adminVM,
});

export const default_audiovm = domain('default_audiovm', {
  doc: "Domain that plays other domains' sound when they choose none.",
  default: (system) => system.adminVM,
});

export const default_netvm = domain('default_netvm', {
  doc: 'Domain through which domains reach the network when they choose none.',
  check(_system, value) {
    if (value && !value.providesNetwork)
      throw refused(
        'default_netvm',
        value,
        `it does not provide network; make it do so with: qvm-prefs ${value.name} provides_network True`,
      );
  },
});

export const default_template = domain('default_template', {
  doc: 'Template for new domains that name none.',
  check(_system, value) {
    if (value && !value.isTemplate) throw refused('default_template', value, 'it must name a TemplateVM');
  },
});

export const updatevm = domain('updatevm', {
  doc: 'Domain through which the host and templates fetch updates.',
});

export const clockvm = domain('clockvm', { doc: 'Domain that tells the host the time.' });

export const default_dispvm = domain('default_dispvm', {
  doc: 'Disposable template used where none is named.',
  check: (_system, value) => mustBeDisposableTemplate('default_dispvm', value),
});

export const management_dispvm = domain('management_dispvm', {
  doc: 'Disposable template used to manage other domains.',
  check: (_system, value) => mustBeDisposableTemplate('management_dispvm', value),
});

export const default_kernel = text<Qubes, string | null>('default_kernel', {
  doc: 'Kernel that virtual machines boot when they choose none.',
  default: () => null,
});

export const default_pool = pool('default_pool', 'Pool for new volumes.', () => 'varlibqubes');
export const default_pool_root = pool(
  'default_pool_root',
  'Pool for new root volumes.',
  (system) => system.default_pool,
);
export const default_pool_private = pool(
  'default_pool_private',
  'Pool for new private volumes.',
  (system) => system.default_pool,
);
export const default_pool_volatile = pool(
  'default_pool_volatile',
  'Pool for new volatile volumes.',
  (system) => system.default_pool,
);
export const default_pool_kernel = pool(
  'default_pool_kernel',
  'Pool for kernels.',
  (system) => system.default_pool,
);

export const default_qrexec_timeout = integer<Qubes>('default_qrexec_timeout', {
  doc: 'Seconds within which a domain must be ready to run commands, where it sets none itself.',
  min: 1,
  max: 86_400,
  default: () => 60,
});

export const default_shutdown_timeout = integer<Qubes>('default_shutdown_timeout', {
  doc: 'Seconds a domain is given to shut down, where it sets none itself.',
  min: 1,
  max: 86_400,
  default: () => 60,
});

export const stats_interval = integer<Qubes>('stats_interval', {
  doc: 'Seconds between two reports of memory and processor use.',
  min: 1,
  max: 86_400,
  default: () => 3,
});

export const check_updates_vm = boolean<Qubes>('check_updates_vm', {
  doc: 'Domains look for updates of their own accord.',
  default: () => true,
});

export const maxmem = integer<Qubes>('maxmem', {
  doc: 'Memory of the host, in MiB.',
  settable: 'never',
  default: (system) => system.host.memory,
});

export const no_cpus = integer<Qubes>('no_cpus', {
  doc: 'Processors of the host.',
  settable: 'never',
  default: (system) => system.host.cpus,
});

export const properties = propertyTable<Qubes>(
  new Map(),
  default_guivm,
  default_audiovm,
  default_netvm,
  default_template,
  updatevm,
  clockvm,
  default_kernel,
  default_dispvm,
  management_dispvm,
  default_pool,
  default_pool_private,
  default_pool_root,
  default_pool_volatile,
  default_pool_kernel,
  default_qrexec_timeout,
  default_shutdown_timeout,
  stats_interval,
  check_updates_vm,
  maxmem,
  no_cpus,
);

function refused(property: string, value: BaseVM, why: string): QubesPropertyValueError {
  return new QubesPropertyValueError(`Invalid value for property '${property}': '${value.name}': ${why}`);
}
