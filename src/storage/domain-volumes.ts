import { printable, QubesVolumeNotFoundError } from '../base/errors.ts';
import { element, type XmlNode } from '../xml/node.ts';
import type { Pool } from './pool.ts';
import type { Attachment, IdRange, Volume, VolumeConfig } from './volume.ts';

/** What a class of domains has of a volume; the domain adds where it lives and how large it is. */
export interface VolumePlan {
  readonly name: string;
  /** `own`: kept. `snapshot`: of another domain's volume, discarded at stop. `scratch`: empty at every start. */
  readonly kind: 'own' | 'snapshot' | 'scratch';
  /** Bytes, when the domain was given no other size. */
  readonly size: number;
  /** How many earlier states are kept when nothing else was said. */
  readonly revisionsToKeep: number;
  /** The domain whose volume of the same name a snapshot is taken of; null when there is none (any more). */
  source?(): { readonly volumes: DomainVolumes } | null;
}

/** What the domain's stored record says of a volume beyond its class's plan. */
interface Placement {
  readonly pool: string;
  readonly vid: string;
  readonly size: number;
  readonly revisionsToKeep?: number | undefined;
}

/** What volumes need to know of the domain they belong to. */
export interface VolumeOwner {
  readonly name: string;
  readonly volumePlans: readonly VolumePlan[];
  /** First part of the `vid` of the domain's volumes: `appvms/work`. */
  readonly volumePrefix: string;
  readonly system: { pool(name: string): Pool; poolFor(volume: string): Pool };
}

/** All volumes of one domain: started, stopped, made and removed together, and kept in its record. */
export class DomainVolumes {
  readonly #owner: VolumeOwner;
  readonly #placements = new Map<string, Placement>();

  constructor(owner: VolumeOwner) {
    this.#owner = owner;
  }

  get names(): string[] {
    return this.#owner.volumePlans.map(({ name }) => name);
  }

  /** Throws QubesVolumeNotFoundError. */
  get(untrustedName: string): Volume {
    return this.#volume(this.#plan(untrustedName));
  }

  /** How a volume is configured, without touching its pool. Throws QubesVolumeNotFoundError. */
  config(untrustedName: string): VolumeConfig {
    return this.#config(this.#plan(untrustedName));
  }

  get all(): Volume[] {
    return this.#owner.volumePlans.map((plan) => this.#volume(plan));
  }

  /** The name of the pool a volume lives in. */
  poolName(name: string): string {
    return this.#place(this.#plan(name)).pool;
  }

  /** Chooses the pools of a new domain's volumes. Pools not named are the system's defaults. */
  place(pools: Readonly<Record<string, string>> = {}): void {
    for (const plan of this.#owner.volumePlans) {
      const chosen = pools[plan.name];
      if (chosen)
        this.#placements.set(plan.name, { ...this.#place(plan), pool: this.#owner.system.pool(chosen).name });
    }
  }

  /** Makes those that are kept. */
  async create(): Promise<void> {
    await Promise.all(this.kept.map((volume) => volume.create()));
  }

  /** Every volume that exists on disk for as long as the domain does. */
  get kept(): Volume[] {
    return this.#owner.volumePlans.filter(({ kind }) => kind === 'own').map((plan) => this.#volume(plan));
  }

  /** Where those are. */
  get keptPlaces(): { readonly name: string; readonly pool: string; readonly vid: string }[] {
    return this.#owner.volumePlans
      .filter(({ kind }) => kind === 'own')
      .map((plan) => ({ name: plan.name, pool: this.#place(plan).pool, vid: this.#place(plan).vid }));
  }

  /** All ready for use; when one fails, those already started are stopped again. */
  async start(ids: IdRange): Promise<Record<string, Attachment>> {
    const volumes = this.all;
    const started = await Promise.allSettled(
      volumes.map(async (volume) => [volume.config.name, await volume.start(ids)] as const),
    );
    const failed = started.find((result) => result.status === 'rejected');
    if (failed) {
      await this.stop().catch(() => {});
      throw failed.reason;
    }
    return Object.fromEntries(
      started.map((result) => (result as PromiseFulfilledResult<readonly [string, Attachment]>).value),
    );
  }

  /** Keeps or discards what was written. Tries all before it reports a failure. */
  async stop(): Promise<void> {
    const stopped = await Promise.allSettled(this.all.map((volume) => volume.stop()));
    const failed = stopped.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** As stored, spelled as Qubes does. */
  record(): XmlNode {
    const nodes = this.#owner.volumePlans.map((plan) => {
      const config = this.#config(plan);
      return element('volume', {
        name: config.name,
        pool: this.#place(plan).pool,
        vid: config.vid,
        size: String(config.size),
        rw: pythonBoolean(config.rw),
        snap_on_start: pythonBoolean(config.snapOnStart),
        save_on_stop: pythonBoolean(config.saveOnStop),
        source: config.source,
        revisions_to_keep: String(config.revisionsToKeep),
      });
    });
    return element('volume-config', {}, ...nodes);
  }

  /** Reads what {@link record} wrote. Volumes the class does not have are left alone. */
  restore(untrustedNode: XmlNode): void {
    for (const node of untrustedNode.elements('volume')) {
      const plan = this.#owner.volumePlans.find(({ name }) => name === node.attribute('name'));
      const pool = node.attribute('pool');
      if (!plan || !pool) continue;
      this.#placements.set(plan.name, {
        pool,
        vid: node.attribute('vid') ?? this.#vid(plan),
        size: wholeNumber(node.attribute('size')) ?? plan.size,
        revisionsToKeep: wholeNumber(node.attribute('revisions_to_keep')),
      });
    }
  }

  /** Records a new size or number of revisions; the caller stores it. Returns how to take it back. */
  adjust(name: string, change: { readonly size?: number; readonly revisionsToKeep?: number }): () => void {
    const before = this.#placements.get(name);
    this.#placements.set(name, { ...this.#place(this.#plan(name)), ...change });
    return () => {
      if (before) this.#placements.set(name, before);
      else this.#placements.delete(name);
    };
  }

  #plan(name: string): VolumePlan {
    const plan = this.#owner.volumePlans.find((candidate) => candidate.name === name);
    if (!plan)
      throw new QubesVolumeNotFoundError(`Domain ${this.#owner.name} has no volume '${printable(name)}'`);
    return plan;
  }

  #volume(plan: VolumePlan): Volume {
    return this.#owner.system.pool(this.#place(plan).pool).volume(this.#config(plan));
  }

  #config(plan: VolumePlan): VolumeConfig {
    const place = this.#place(plan);
    const source = this.#source(plan);
    return {
      name: plan.name,
      vid: place.vid,
      size: source?.size ?? place.size,
      rw: true,
      snapOnStart: plan.kind === 'snapshot',
      saveOnStop: plan.kind === 'own',
      revisionsToKeep: place.revisionsToKeep ?? plan.revisionsToKeep,
      ...(source ? { source: source.vid } : {}),
    };
  }

  #place(plan: VolumePlan): Placement {
    const place = this.#placements.get(plan.name) ?? {
      pool: this.#owner.system.poolFor(plan.name).name,
      vid: this.#vid(plan),
      size: plan.size,
    };
    // A snapshot lives where what it is taken of lives.
    const pool = plan.source?.()?.volumes.poolName(plan.name) ?? place.pool;
    return { ...place, pool };
  }

  /** The configuration of the volume a snapshot is taken of. */
  #source(plan: VolumePlan): VolumeConfig | undefined {
    return plan.source?.()?.volumes.config(plan.name);
  }

  #vid(plan: VolumePlan): string {
    return `${this.#owner.volumePrefix}/${plan.name}`;
  }
}

function pythonBoolean(value: boolean): string {
  return value ? 'True' : 'False';
}

function wholeNumber(untrustedText: string | undefined): number | undefined {
  return untrustedText && /^\d{1,15}$/.test(untrustedText) ? Number(untrustedText) : undefined;
}
