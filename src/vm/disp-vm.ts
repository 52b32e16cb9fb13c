import { QubesNoTemplateError, QubesValueError } from '../base/errors.ts';
import { propertyTable } from '../property/descriptor.ts';
import type { VolumePlan } from '../storage/domain-volumes.ts';
import type { XmlNode } from '../xml/node.ts';
import * as properties from './properties/template.ts';
import { QubesVM } from './qubes-vm.ts';
import { privateOf, rootOf, volatile } from './volume-plans.ts';

/** Lives for one task and leaves nothing: its system and its data are snapshots that are discarded when it stops. */
export class DispVM extends QubesVM {
  static override readonly properties = propertyTable<never>(
    QubesVM.properties,
    properties.disposable_template,
    properties.dispid,
    properties.auto_cleanup,
    properties.is_preload,
  );

  /** The disposable template (an AppVM with `template_for_dispvms`). */
  override get template(): QubesVM | null {
    return this.value(properties.disposable_template) as QubesVM | null;
  }

  override get dispid(): number {
    return this.value(properties.dispid);
  }

  get auto_cleanup(): boolean {
    return this.value(properties.auto_cleanup);
  }

  /** Was it started ahead of need, and has nobody been given it yet? */
  get is_preload(): boolean {
    return this.value(properties.is_preload);
  }

  /** A disposable asks for disposables of its own kind. */
  override get defaultDispvm(): QubesVM | null {
    return this.template;
  }

  override get worthBackingUp(): boolean {
    return !this.auto_cleanup;
  }

  /** A disposable goes where its disposable template would go, unless that leads back here. */
  override get defaultNetvm(): QubesVM | null {
    const wanted = this.template?.netvm ?? null;
    for (let above = wanted; above; above = above.netvm) if (above === this) return null;
    return wanted;
  }

  get volumePlans(): readonly VolumePlan[] {
    return [rootOf(() => this.template?.template ?? null), privateOf(() => this.template), volatile];
  }

  protected override mustHaveTemplate(): void {
    if (!this.template?.template)
      throw new QubesNoTemplateError(
        `Disposable ${this.name} cannot start: its disposable template has no template`,
      );
  }

  override load(untrustedNode: XmlNode): void {
    super.load(untrustedNode);
    if (this.isDefault(properties.dispid)) throw new QubesValueError('it has no dispid');
  }

  protected override async afterStop(): Promise<void> {
    if (!this.auto_cleanup) return;
    try {
      await this.erase();
    } catch (error) {
      // Whoever stopped it has had what they asked for; it stays, and can be removed once nothing uses it.
      this.system.log.error('a disposable could not be removed', { domain: this.name, error });
    }
  }
}
