/** Registers the core's domain classes. Imported once, by whoever makes a system. */
import { AdminVM } from './admin-vm.ts';
import { AppVM } from './app-vm.ts';
import { BaseVMMeta } from './base-vm-meta.ts';
import { DispVM } from './disp-vm.ts';
import { HVM } from './hvm.ts';
import { NetVM } from './net-vm.ts';
import { ProxyVM } from './proxy-vm.ts';
import { RemoteVM } from './remote-vm.ts';
import { StandaloneVM } from './standalone-vm.ts';
import { TemplateVM } from './template-vm.ts';

for (const domainClass of [AdminVM, AppVM, DispVM, HVM, NetVM, ProxyVM, RemoteVM, StandaloneVM, TemplateVM])
  BaseVMMeta.register(domainClass.name, domainClass);
