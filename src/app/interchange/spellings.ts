/** What earlier versions spelled differently, in today's words. */
import { fromOldClass, toOwnClass } from './class-spelling.ts';
import { type DomainRecord, isTrue } from './domain-record.ts';
import { type Import, sound } from './import-work.ts';

/** Brings one domain's class and properties up to date. */
export function modernise(record: DomainRecord, tell: (change: string) => void): void {
  const { properties } = record;
  toOwnClass(record);

  // Release candidates of 4.0 asked with a boolean whether the machine is fully virtual.
  const hvm = take(properties, 'hvm');
  if (hvm !== undefined && !properties.has('virt_mode'))
    properties.set('virt_mode', isTrue(hvm) ? 'hvm' : 'pv');

  const dispvmAllowed = take(properties, 'dispvm_allowed');
  if (dispvmAllowed !== undefined && !properties.has('template_for_dispvms')) {
    properties.set('template_for_dispvms', isTrue(dispvmAllowed) ? 'True' : 'False');
  }

  const mode = properties.get('virt_mode');
  if (mode !== undefined) properties.set('virt_mode', mode.toLowerCase());
  const change = fromOldClass(record);
  if (change !== undefined) tell(change);
}

/**
 * 4.0 and before had a default netvm of their own for domains that provide network: those that followed it get it
 * by name.
 */
export function moderniseSystem(work: Import): void {
  const firewallNetvm = take(work.system, 'default_fw_netvm');
  if (firewallNetvm === undefined || firewallNetvm === (work.system.get('default_netvm') ?? '')) return;
  for (const { name, record } of sound(work)) {
    const provides = record.klass === 'ProxyVM' || isTrue(record.properties.get('provides_network'));
    if (!provides || record.klass === 'NetVM' || record.properties.has('netvm')) continue;
    const netvm = firewallNetvm === name ? '' : firewallNetvm;
    record.properties.set('netvm', netvm);
    work.warn(`${name}: netvm was left to default_fw_netvm and is now set to ${netvm || 'none'}`);
  }
}

function take(properties: Map<string, string>, name: string): string | undefined {
  const value = properties.get(name);
  properties.delete(name);
  return value;
}
