import { QubesNoTemplateError } from '../base/errors.ts';
import { propertyTable } from '../property/descriptor.ts';
import type { VolumePlan } from '../storage/domain-volumes.ts';
import * as properties from './properties/template.ts';
import { QubesVM } from './qubes-vm.ts';
import { ownPrivate, rootOf, sharedPrivate, volatile } from './volume-plans.ts';

/** Runs on its template's system, of which it changes nothing, and keeps its own private data. */
export class AppVM extends QubesVM {
  static override readonly properties = propertyTable<never>(
    QubesVM.properties,
    properties.template,
    properties.template_for_dispvms,
  );

  override get template(): QubesVM | null {
    return this.value(properties.template) as QubesVM | null;
  }

  get template_for_dispvms(): boolean {
    return this.value(properties.template_for_dispvms);
  }

  override get makesDisposables(): boolean {
    return this.template_for_dispvms;
  }

  override get icon(): string {
    return this.template_for_dispvms ? `templatevm-${this.label.name}` : super.icon;
  }

  get volumePlans(): readonly VolumePlan[] {
    return [rootOf(() => this.template), this.template_for_dispvms ? sharedPrivate : ownPrivate, volatile];
  }

  protected override mustHaveTemplate(): void {
    if (!this.template)
      throw new QubesNoTemplateError(
        `Domain ${this.name} has no template; give it one with: qvm-prefs ${this.name} template NAME`,
      );
    if (this.template.broken)
      throw new QubesNoTemplateError(
        `Domain ${this.name} cannot start: its template ${this.template.name} is broken: ${this.template.broken}`,
      );
  }
}
