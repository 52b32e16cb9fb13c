import type { VirtMode } from '../hypervisor/hypervisor.ts';
import { propertyTable } from '../property/descriptor.ts';
import { BaseVM } from './base-vm.ts';
import * as behaviour from './properties/behaviour.ts';
import * as network from './properties/network.ts';
import * as resources from './properties/resources.ts';
import * as running from './properties/running.ts';
import type { QubesVM } from './qubes-vm.ts';

/**
 * Typed reading of every property that domains (other than the AdminVM) have. What each means, its default and its
 * rules are in `properties/`; nothing is decided here. Values are given with `set`, within a change.
 */
export abstract class DomainSettings extends BaseVM {
  static override readonly properties = propertyTable<never>(
    BaseVM.properties,
    ...([resources, behaviour, network, running] as const).flatMap((group) =>
      Object.values(group).filter((member) => typeof member !== 'function'),
    ),
  );

  // --- resources ----------------------------------------------------------------------------------------------

  get virt_mode(): VirtMode {
    return this.value(resources.virt_mode);
  }
  get memory(): number {
    return this.value(resources.memory);
  }
  get maxmem(): number {
    return this.value(resources.maxmem);
  }
  get stubdom_mem(): number | null {
    return this.value(resources.stubdom_mem);
  }
  get vcpus(): number {
    return this.value(resources.vcpus);
  }
  get kernel(): string {
    return this.value(resources.kernel);
  }
  get kernelopts(): string {
    return this.value(resources.kernelopts);
  }
  get bootmode(): string {
    return this.value(resources.bootmode);
  }

  // --- behaviour ----------------------------------------------------------------------------------------------

  get default_user(): string {
    return this.value(behaviour.default_user);
  }
  get qrexec_timeout(): number {
    return this.value(behaviour.qrexec_timeout);
  }
  get shutdown_timeout(): number {
    return this.value(behaviour.shutdown_timeout);
  }
  get autostart(): boolean {
    return this.value(behaviour.autostart);
  }
  get debug(): boolean {
    return this.value(behaviour.debug);
  }
  get installed_by_rpm(): boolean {
    return this.value(behaviour.installed_by_rpm);
  }
  get include_in_backups(): boolean {
    return this.value(behaviour.include_in_backups);
  }
  get backup_timestamp(): number | null {
    return this.value(behaviour.backup_timestamp);
  }
  get updateable(): boolean {
    return this.value(behaviour.updateable);
  }
  get guivm(): BaseVM | null {
    return this.value(behaviour.guivm);
  }
  get audiovm(): BaseVM | null {
    return this.value(behaviour.audiovm);
  }
  get default_dispvm(): QubesVM | null {
    return this.value(behaviour.default_dispvm) as QubesVM | null;
  }
  get management_dispvm(): QubesVM | null {
    return this.value(behaviour.management_dispvm) as QubesVM | null;
  }
  override get devices_denied(): string {
    return this.value(behaviour.devices_denied);
  }
  override get keyboard_layout(): string {
    return this.value(behaviour.keyboard_layout);
  }

  // --- network ------------------------------------------------------------------------------------------------

  override get netvm(): QubesVM | null {
    return this.value(network.netvm) as QubesVM | null;
  }
  get provides_network(): boolean {
    return this.value(network.provides_network);
  }
  get mac(): string {
    return this.value(network.mac);
  }
  get ip(): string | null {
    return this.value(network.ip);
  }
  get ip6(): string | null {
    return this.value(network.ip6);
  }
  get visible_ip(): string | null {
    return this.value(network.visible_ip);
  }
  get visible_ip6(): string | null {
    return this.value(network.visible_ip6);
  }
  get visible_gateway(): string | null {
    return this.value(network.visible_gateway);
  }
  get visible_gateway6(): string | null {
    return this.value(network.visible_gateway6);
  }
  get visible_netmask(): string | null {
    return this.value(network.visible_netmask);
  }
  get gateway(): string | null {
    return this.value(network.gateway);
  }
  get gateway6(): string | null {
    return this.value(network.gateway6);
  }
  get dns(): string | null {
    return this.value(network.dns);
  }

  // --- running ------------------------------------------------------------------------------------------------

  get xid(): number {
    return this.value(running.xid);
  }
  get stubdom_xid(): number {
    return this.value(running.stubdom_xid);
  }
  get stubdom_uuid(): string {
    return this.value(running.stubdom_uuid);
  }
  get start_time(): string | null {
    return this.value(running.start_time);
  }
}
