import type { Duplex } from 'node:stream';
import {
  messageOf,
  QubesVMError,
  QubesVMInUseError,
  QubesVMNotFoundError,
  QubesVMNotHaltedError,
  QubesVMNotPausedError,
  QubesVMNotRunningError,
  QubesVMNotStartedError,
  QubesVMShutdownTimeoutError,
} from '../base/errors.ts';
import { Turns } from '../base/turns.ts';
import type { DomainSpec, ExecRequest, Hypervisor, VirtMode } from '../hypervisor/hypervisor.ts';
import { DomainVolumes, type VolumePlan } from '../storage/domain-volumes.ts';
import type { Attachment } from '../storage/volume.ts';
import { element, type XmlNode } from '../xml/node.ts';
import type { BaseVM } from './base-vm.ts';
import { DomainSettings } from './domain-settings.ts';
import type { PowerState } from './power-state.ts';

/**
 * The security half of every domain: what may be done with it, and when. Each verb checks the domain's state, asks
 * whether anybody objects (`domain-pre-...`), acts through an interface, and announces what has happened.
 *
 * Verbs on one domain take turns; different domains run side by side. Before anything is touched outside this
 * process the journal says so, so that after a crash the next start of the daemon finishes or undoes it.
 */
export abstract class QubesVM extends DomainSettings {
  /** The domain's disks. */
  readonly volumes: DomainVolumes = new DomainVolumes(this);
  readonly #turns = new Turns();
  #powerState: PowerState = 'Halted';
  #startTime: Date | null = null;
  #modeInUse: VirtMode | undefined;
  #whenStopped: (() => void)[] = [];

  // --- what a class of domains decides ------------------------------------------------------------------------

  /** The disks this class of domains has. */
  abstract get volumePlans(): readonly VolumePlan[];

  /** How it is isolated when neither it nor its template says. */
  get defaultVirtMode(): VirtMode {
    return 'container';
  }

  /** The netvm it has when it was given none. */
  get defaultNetvm(): QubesVM | null {
    return this.systemNetvm;
  }

  /** The system's default netvm, unless that one's own traffic goes through here. */
  protected get systemNetvm(): QubesVM | null {
    const byDefault = this.system.default_netvm;
    for (let above = byDefault; above; above = above.netvm) if (above === this) return null;
    return byDefault;
  }

  /** May it be given a netvm at all? */
  get mayHaveNetvm(): boolean {
    return true;
  }

  get providesNetworkByClass(): boolean {
    return false;
  }

  /** Should a backup of everything include it? */
  get worthBackingUp(): boolean {
    return true;
  }

  /** Called in the domain's turn when nothing of it is left running. */
  protected async afterStop(): Promise<void> {}

  // --- state --------------------------------------------------------------------------------------------------

  override get powerState(): PowerState {
    return this.broken && !this.isStarted ? 'NA' : this.#powerState;
  }

  /** Has it been started and not stopped since (running, paused, or on its way)? */
  get isStarted(): boolean {
    return this.#powerState !== 'Halted' && this.#powerState !== 'NA';
  }

  get startTime(): Date | null {
    return this.#startTime;
  }

  /**
   * The `virt_mode` it was started with, until it has stopped. What its mode would follow from (its template's, devices)
   * may change meanwhile, and must neither hide how it runs nor lead to another engine than the one that runs it.
   */
  get modeInUse(): VirtMode | undefined {
    return this.#modeInUse;
  }

  /** The engine that runs this domain. Throws QubesVMError when this machine has none for its `virt_mode`. */
  get hypervisor(): Hypervisor {
    return this.system.hypervisor(this.virt_mode);
  }

  /** The handle on the libvirt side; undefined for domains that libvirt does not run. */
  get libvirtDomain(): unknown {
    return undefined;
  }

  /** The engine's own number of the running domain, where it has one. */
  get engineNumber(): number | null {
    return null;
  }

  // --- verbs --------------------------------------------------------------------------------------------------

  /** Starts the domain, its netvm first. Does nothing when it is started already. Announces `domain-start`. */
  async start(): Promise<void> {
    await this.#turns.run(async () => {
      this.mustExist();
      if (this.#powerState === 'Crashed') await this.#clear();
      if (this.isStarted) return this.mustNotHaveCrashed();
      this.mustBeWhole();
      this.mustHaveTemplate();
      await this.askAll('domain-pre-start', { start_guid: true });
      await this.startNetvm();
      await this.#bringUp();
      this.announce('domain-start', { start_guid: true });
    });
  }

  /**
   * Asks the domain's system to shut down. Resolves when it has been asked, or with `wait` when it has stopped;
   * rejects with QubesVMShutdownTimeoutError when that takes longer than `shutdown_timeout`. Without `force` it
   * refuses while running domains use this one as their netvm.
   */
  async shutdown({ force = false, wait = false } = {}): Promise<void> {
    await this.#turns.run(async () => {
      this.mustBeRunning();
      if (!force) this.mustNotCarryTraffic();
      await this.askAll('domain-pre-shutdown', { force });
      this.#powerState = 'Dying';
      try {
        await this.hypervisor.requestShutdown(this.uuid);
      } catch (error) {
        this.#powerState = 'Running';
        this.announce('domain-shutdown-failed', { reason: messageOf(error) });
        throw error;
      }
    });
    if (wait) {
      await this.#stopped();
      this.mustNotHaveCrashed();
    }
  }

  /** Stops the domain at once, whatever it is doing, even starting. Announces `domain-shutdown`. */
  async kill(): Promise<void> {
    if (!this.isStarted)
      throw new QubesVMNotStartedError(`Domain ${this.name} is not started; there is nothing to kill`);
    await this.hypervisor.kill(this.uuid);
    await this.#turns.run(() => this.#bringDown());
  }

  /** Freezes the domain where it is. Announces `domain-paused`. */
  async pause(): Promise<void> {
    await this.#turns.run(async () => {
      this.mustBeRunning();
      await this.askAll('domain-pre-paused');
      await this.hypervisor.pause(this.uuid);
      this.#powerState = 'Paused';
      this.announce('domain-paused');
    });
  }

  /** Lets a paused domain go on. Announces `domain-unpaused`. */
  async unpause(): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#powerState !== 'Paused')
        throw new QubesVMNotPausedError(`Domain ${this.name} is not paused (it is ${this.#powerState})`);
      await this.askAll('domain-pre-unpaused');
      await this.hypervisor.unpause(this.uuid);
      this.#powerState = 'Running';
      this.announce('domain-unpaused');
    });
  }

  /** Runs a command in the domain; the stream carries frames (`base/frames`). */
  async exec(request: ExecRequest): Promise<Duplex> {
    this.mustBeRunning();
    await this.askAll('domain-cmd-pre-run', { start_guid: false });
    return this.hypervisor.exec(this.uuid, request);
  }

  /** The domain's console, from its beginning. */
  async console(): Promise<Duplex> {
    if (!this.isStarted)
      throw new QubesVMNotStartedError(
        `Domain ${this.name} is not started; start it with: qvm-start ${this.name}`,
      );
    return this.hypervisor.console(this.uuid);
  }

  /**
   * Removes the domain and all its data. Refuses while it is started or anything refers to it. Announces
   * `domain-delete` of the system.
   */
  async remove(): Promise<void> {
    await this.#turns.run(async () => {
      this.mustExist();
      this.mustBeHalted('removed');
      this.mustNotBeUsed();
      await this.system.events.askAll(null, 'domain-pre-delete', { vm: this });
      await this.erase();
    });
  }

  /** Does something to the halted domain, in its turn, so that it cannot be started meanwhile. */
  async whileHalted<T>(toBe: string, task: () => Promise<T>): Promise<T> {
    return this.#turns.run(() => {
      this.mustExist();
      this.mustBeHalted(toBe);
      return task();
    });
  }

  // --- conditions ---------------------------------------------------------------------------------------------

  /** Throws QubesVMNotFoundError when the domain was removed while the caller waited for its turn. */
  protected mustExist(): void {
    if (this.isRemoved) throw new QubesVMNotFoundError(this.name);
  }

  /** Throws QubesVMError when the domain's record is broken. */
  protected mustBeWhole(): void {
    if (this.broken)
      throw new QubesVMError(
        `Domain ${this.name} is broken: ${this.broken}. Repair its record or remove it with: qvm-remove ${this.name}`,
      );
  }

  /** Classes that need a template say so. */
  protected mustHaveTemplate(): void {}

  /** Throws QubesVMError when what is left of the domain could not be cleaned up. */
  protected mustNotHaveCrashed(): void {
    if (this.#powerState === 'Crashed')
      throw new QubesVMError(
        `What is left of domain ${this.name} could not be cleaned up; the daemon's log says why`,
      );
  }

  mustBeRunning(): void {
    if (this.#powerState !== 'Running')
      throw new QubesVMNotRunningError(
        `Domain ${this.name} is not running (it is ${this.#powerState})` +
          (this.#powerState === 'Paused'
            ? `; let it go on with: qvm-unpause ${this.name}`
            : `; start it with: qvm-start ${this.name}`),
      );
  }

  mustBeHalted(toBe: string): void {
    if (this.isStarted)
      throw new QubesVMNotHaltedError(
        `Domain ${this.name} cannot be ${toBe} while it is ${this.#powerState}; shut it down with: qvm-shutdown --wait ${this.name}`,
      );
  }

  /** No running domain may lose its network unawares. */
  protected mustNotCarryTraffic(): void {
    const users = [...this.system.started].filter((vm) => vm !== this && vm.netvm === this);
    if (users.length > 0)
      throw new QubesVMInUseError(
        `Domain ${this.name} is the netvm of running domains (${users.map(({ name }) => name).join(', ')}); ` +
          'shut them down first, or use --force',
      );
  }

  /** Nothing may refer to a domain that goes away. */
  protected mustNotBeUsed(): void {
    const uses = [...this.referrers.entries()]
      .filter(([holder]) => holder !== this)
      .map(([holder, names]) => `${[...names].join(', ')} of ${holder.description}`);
    if (uses.length > 0)
      throw new QubesVMInUseError(
        `Domain ${this.name} is in use: ${uses.slice(0, 5).join('; ')}${uses.length > 5 ? ` and ${uses.length - 5} more` : ''}. ` +
          'Change those first',
      );
  }

  /** Without its netvm a domain comes up all the same, cut off from the network rather than connected otherwise. */
  protected async startNetvm(): Promise<void> {
    try {
      await this.netvm?.start();
    } catch (error) {
      this.system.log.warn('a domain starts without network: its netvm could not be started', {
        domain: this.name,
        netvm: this.netvm?.name,
        error: messageOf(error),
      });
    }
  }

  // --- coming up and going down -------------------------------------------------------------------------------

  /** From halted to running, or back to halted with nothing left behind. */
  async #bringUp(): Promise<void> {
    const hypervisor = this.hypervisor;
    this.#modeInUse = this.virt_mode;
    this.#mark('Transient');
    try {
      await this.system.change((change) => this.system.journal(change, this, 'run'));
      const attachments = await this.volumes.start(this.system.idRange(this.qid));
      await hypervisor.start(this.#spec(attachments));
    } catch (error) {
      this.announce('domain-start-failed', { reason: messageOf(error) });
      await this.#clear();
      throw error;
    }
    this.#mark('Running');
    this.#startTime = new Date();
  }

  /** From any state to halted, announced. Does nothing when it is halted already. */
  async #bringDown(): Promise<void> {
    if (!this.isStarted) return;
    await this.#clear();
    for (const settle of this.#whenStopped.splice(0)) settle();
    // Something of it may still be there: it has not stopped, and must not be removed.
    this.mustNotHaveCrashed();
    this.announce('domain-stopped');
    this.announce('domain-shutdown');
    await this.afterStop();
  }

  /** Nothing of the domain is left on the host but its kept volumes. Every step may be repeated after a crash. */
  async #clear(): Promise<void> {
    try {
      const hypervisor = this.hypervisor;
      await hypervisor.kill(this.uuid);
      await hypervisor.cleanUp(this.uuid);
      await this.volumes.stop();
      await this.system.change((change) => this.system.strike(change, this));
      this.#mark('Halted');
    } catch (error) {
      // The journal still names the domain: the next start of it, or of the daemon, tries again.
      this.#mark('Crashed');
      this.system.log.error('could not clean up after a domain', { domain: this.name, error });
    }
  }

  /** Takes the domain out of the system for good, then its data off the disk. */
  protected async erase(): Promise<void> {
    const kept = this.volumes.kept;
    await this.system.change((change) => {
      // Others may have come to use it since it was first asked.
      this.mustNotBeUsed();
      this.system.forget(change, this);
      this.detach(change);
      if (kept.length > 0) this.system.journal(change, this, 'remove');
    });
    if (kept.length > 0) {
      // A broken domain may have been running when its record was lost.
      await Promise.all(kept.map((volume) => volume.stop().then(() => volume.remove())));
      await this.system.change((change) => this.system.strike(change, this));
    }
    this.announce('domain-remove-from-disk');
    this.system.events.announce(null, 'domain-delete', { vm: this });
  }

  /** The engine says the domain is no more, without having been told to stop it. */
  async engineStopped(): Promise<void> {
    await this.#turns.run(() => this.#bringDown());
  }

  /**
   * After a restart of the daemon: goes on with a domain that outlived it, or cleans up after it. `mode` is what it was
   * started with, when that is known.
   */
  async recover(mode?: VirtMode): Promise<void> {
    await this.#turns.run(async () => {
      this.#modeInUse = mode;
      this.#mark('Transient');
      try {
        const state = await this.hypervisor.adopt(this.uuid);
        if (state === 'halted') return await this.#bringDown();
        this.#mark(state === 'paused' ? 'Paused' : 'Running');
        this.#startTime = new Date();
      } catch (error) {
        this.#mark('Crashed');
        this.system.log.error('could not tell what became of a domain', { domain: this.name, error });
      }
    });
  }

  #mark(state: PowerState): void {
    this.#powerState = state;
    if (this.isStarted) this.system.started.add(this);
    else this.system.started.delete(this);
    if (state !== 'Halted') return;
    this.#startTime = null;
    this.#modeInUse = undefined;
  }

  #stopped(): Promise<void> {
    if (!this.isStarted) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = new QubesVMShutdownTimeoutError(
          `Domain ${this.name} did not shut down within ${this.shutdown_timeout} s; stop it at once with: qvm-kill ${this.name}`,
        );
        this.announce('domain-shutdown-failed', { reason: error.message });
        reject(error);
      }, this.shutdown_timeout * 1000);
      this.#whenStopped.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #spec(volumes: Readonly<Record<string, Attachment>>): DomainSpec {
    return {
      uuid: this.uuid,
      name: this.name,
      virtMode: this.virt_mode,
      memory: this.memory,
      maxmem: this.maxmem,
      vcpus: this.vcpus,
      ids: this.system.idRange(this.qid),
      defaultUser: this.default_user,
      volumes,
    };
  }

  async askAll(event: string, values: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.system.events.askAll(this, event, values);
  }

  // --- what else the class gives its descendants ----------------------------------------------------------------

  override get providesNetwork(): boolean {
    return this.provides_network;
  }

  override get template(): QubesVM | null {
    return null;
  }

  override get keyboardOwner(): BaseVM | null {
    return this.guivm;
  }

  /** Boot mode for domains based on this one, where it chooses one. */
  get appvm_default_bootmode(): string | undefined {
    return undefined;
  }

  get volumePrefix(): string {
    return `appvms/${this.name}`;
  }

  protected override extraRecords(): XmlNode[] {
    return [this.volumes.record()];
  }

  protected override loadExtraRecords(untrustedNode: XmlNode): void {
    this.volumes.restore(untrustedNode.element('volume-config') ?? element('volume-config'));
  }
}
