/** Where a domain's traffic goes, and what its addresses are. */
import { QubesValueError } from '../../base/errors.ts';
import { DNS_SERVERS, ipv4Of, ipv6Of } from '../../net/address-plan.ts';
import { boolean, reference, refusal, text } from '../../property/descriptor.ts';
import type { BaseVM } from '../base-vm.ts';
import type { QubesVM } from '../qubes-vm.ts';

export const mac = text<QubesVM>('mac', {
  doc: "Hardware address of the domain's network interface.",
  default: () => '00:16:3e:5e:6c:00',
  normalise(untrustedText) {
    const address = untrustedText.toLowerCase();
    if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address))
      throw refusal('mac', untrustedText, 'it must be six pairs of hexadecimal digits separated by colons');
    return address;
  },
});

export const ip = text<QubesVM, string | null>('ip', {
  doc: 'IPv4 address of the domain. Follows from its number when not given.',
  default: (vm) => (isNetworked(vm) ? ipv4Of(vm) : null),
  normalise(untrustedText) {
    const parts = untrustedText.split('.');
    if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
      throw refusal('ip', untrustedText, 'it must be an IPv4 address, such as 10.137.0.5');
    return untrustedText;
  },
});

export const ip6 = text<QubesVM, string | null>('ip6', {
  doc: 'IPv6 address of the domain, where its network has IPv6. Follows from its number when not given.',
  default: (vm) => (isNetworked(vm) && vm.features.withNetvm('ipv6') ? ipv6Of(vm) : null),
  normalise(untrustedText) {
    if (!/^[0-9a-fA-F:.]{2,45}$/.test(untrustedText) || !URL.canParse(`http://[${untrustedText}]`))
      throw refusal('ip6', untrustedText, 'it must be an IPv6 address');
    return untrustedText.toLowerCase();
  },
});

export const netvm = reference<QubesVM, BaseVM>('netvm', 'vm', {
  doc: 'Domain through which this one reaches the network; none: no network at all.',
  optional: true,
  default: (vm) => vm.defaultNetvm,
  resolve: (vm, untrustedName) => vm.system.domain(untrustedName),
  check(vm, value) {
    if (!value) return;
    if (!value.providesNetwork)
      throw new QubesValueError(
        `The ${value.name} domain does not provide network; make it do so with: ` +
          `qvm-prefs ${value.name} provides_network True`,
      );
    // Disposables made from here go where this one goes, unless they were told otherwise.
    for (let above: BaseVM | null = value; above; above = above.netvm)
      if (above === vm || takesNetvmFrom(above, vm))
        throw new QubesValueError(
          `Loops in network are unsupported: traffic of ${value.name} goes through ${vm.name}`,
        );
    if (!vm.mayHaveNetvm)
      throw refusal(
        'netvm',
        value.name,
        `${vm.name} is a ${vm.klass}, which has none above it; make a ProxyVM instead`,
      );
  },
});

/** A disposable goes where its template goes, unless it was told otherwise. */
function takesNetvmFrom(vm: BaseVM, template: BaseVM): boolean {
  return vm.dispid !== undefined && vm.template === template && vm.isDefault(vm.property('netvm'));
}

export const provides_network = boolean<QubesVM>('provides_network', {
  doc: 'Other domains may use this one as their netvm.',
  default: (vm) => vm.providesNetworkByClass,
  check(vm, value) {
    const users = value ? [] : vm.system.usersOfNetwork(vm);
    if (users.length > 0)
      throw new QubesValueError(
        `The ${vm.name} domain is still the netvm of ${users
          .slice(0, 5)
          .map(({ name }) => name)
          .join(', ')}` + `${users.length > 5 ? ` and ${users.length - 5} more` : ''}; change theirs first`,
      );
  },
});

const computed = { settable: 'never' } as const;

export const visible_ip = text<QubesVM, string | null>('visible_ip', {
  ...computed,
  doc: 'IPv4 address that the domain itself believes it has.',
  default: (vm) => vm.features.withTemplate('net.fake-ip') || vm.ip,
});

export const visible_ip6 = text<QubesVM, string | null>('visible_ip6', {
  ...computed,
  doc: 'IPv6 address that the domain itself believes it has.',
  default: (vm) => vm.ip6,
});

export const visible_gateway = text<QubesVM, string | null>('visible_gateway', {
  ...computed,
  doc: 'Gateway that the domain itself believes it uses.',
  default: (vm) => vm.features.withTemplate('net.fake-gateway') || (vm.netvm?.gateway ?? null),
});

export const visible_gateway6 = text<QubesVM, string | null>('visible_gateway6', {
  ...computed,
  doc: 'IPv6 gateway that the domain itself believes it uses.',
  default: (vm) => vm.netvm?.gateway6 ?? null,
});

export const visible_netmask = text<QubesVM, string | null>('visible_netmask', {
  ...computed,
  doc: 'Netmask that the domain itself believes it has.',
  default: (vm) => vm.features.withTemplate('net.fake-netmask') || (vm.netvm ? '255.255.255.255' : null),
});

export const gateway = text<QubesVM, string | null>('gateway', {
  ...computed,
  doc: 'Address at which domains that use this one as netvm find it.',
  default: (vm) => (vm.provides_network ? vm.visible_ip : null),
});

export const gateway6 = text<QubesVM, string | null>('gateway6', {
  ...computed,
  doc: 'IPv6 address at which domains that use this one as netvm find it.',
  default: (vm) => (vm.provides_network && vm.features.withNetvm('ipv6') ? vm.visible_ip6 : null),
});

export const dns = text<QubesVM, string | null>('dns', {
  ...computed,
  doc: 'Name servers the domain is told to use.',
  default: (vm) => (vm.netvm || vm.provides_network ? DNS_SERVERS.join(' ') : null),
});

/** Does it send or carry traffic at all? */
function isNetworked(vm: QubesVM): boolean {
  return vm.netvm !== null || vm.provides_network;
}
