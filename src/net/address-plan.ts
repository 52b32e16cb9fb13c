/**
 * Which address a domain has: a function of its number alone, so that no state and no DHCP is needed.
 * The plan is Qubes' (core-admin 4.4): 10.137/16 by qid, 10.138/16 by dispid, and the same numbers in one IPv6
 * prefix.
 */

const IPV6_PREFIX = 'fd09:24ef:4179:0000';

/** Where every domain finds its name servers; redirected on the way up the netvm chain. */
export const DNS_SERVERS = ['10.139.1.1', '10.139.1.2'] as const;
export const DNS_SERVERS_IPV6 = ['fd09:24ef:4179::a8b:1', 'fd09:24ef:4179::a8b:2'] as const;

/** What numbers a domain: `qid` for all, `dispid` for disposables. */
export interface Numbered {
  readonly qid: number;
  readonly dispid?: number | undefined;
}

/** `10.137.0.5` for qid 5, `10.138.3.7` for a disposable. */
export function ipv4Of({ qid, dispid }: Numbered): string {
  return dispid === undefined ? ipv4('10.137', qid) : ipv4('10.138', dispid);
}

/** `fd09:24ef:4179::a89:5` for qid 5; 0xa89 spells 10.137. */
export function ipv6Of({ qid, dispid }: Numbered): string {
  const [network, number] = dispid === undefined ? ['a89', qid] : ['a8a', dispid];
  return compressed(`${IPV6_PREFIX}::${network}:${number.toString(16)}`);
}

/** Low numbers keep the address they always had; from 255 on, .0 and .255 are never used. */
function ipv4(prefix: string, number: number): string {
  if (number < 255) return `${prefix}.0.${number}`;
  const index = number - 1;
  return `${prefix}.${Math.floor(index / 254)}.${(index % 254) + 1}`;
}

function compressed(address: string): string {
  return address.replace(':0000::', '::');
}
