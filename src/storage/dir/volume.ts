import type { Readable } from 'node:stream';
import { printable, QubesVolumeRevisionNotFoundError, StoragePoolException } from '../../base/errors.ts';
import { makeDirectories } from '../directories.ts';
import type { BuildOptions, TreeSource, TreeVolume } from '../tree-source.ts';
import type { Attachment, IdRange, Revision, Volume, VolumeConfig } from '../volume.ts';
import { cloneState, importData, populate } from './content.ts';
import type { DirContext, Subject } from './context.ts';
import { exportData } from './export.ts';
import { explained } from './failure.ts';
import { foldStack } from './fold.ts';
import type { Release } from './locks.ts';
import { startOwned, stopOwned } from './owner.ts';
import { PASSABLE } from './place.ts';
import { createRecord, hasRecord, readRecord } from './record.ts';
import { removeVolume } from './remove.ts';
import { readRun } from './run.ts';
import { startSnapshot, stopSnapshot } from './snapshot.ts';
import { existingRecord, kept, refuseStarted, replaceRecord, timeFor } from './state.ts';
import { usageOf } from './usage.ts';

/**
 * A volume of the `dir` driver: a stack of layers, each a plain directory, of which only the top one is ever written.
 *
 * Not enforced: `size`. It bounds what `importData` takes, but plain directories have no quota, so a domain can fill
 * the file system its pool lies on; give pools of domains you don't trust a file system of their own.
 */
export class DirVolume implements TreeVolume {
  readonly config: VolumeConfig;
  readonly #context: DirContext;
  readonly #subject: Subject;

  /** `config` checked by the pool. */
  constructor(context: DirContext, config: VolumeConfig) {
    this.config = config;
    this.#context = context;
    this.#subject = { vid: config.vid, path: context.place.volume(config.vid), config };
  }

  create(): Promise<void> {
    return this.#alone('create', async () => {
      if (!this.#keeps) return;
      await makeDirectories(this.#subject.path, PASSABLE);
      await createRecord(this.#subject.path);
    });
  }

  exists(): Promise<boolean> {
    return this.#explained('look at', async () => this.#keeps && (await hasRecord(this.#subject.path)));
  }

  remove(): Promise<void> {
    return this.#alone('remove', () => removeVolume(this.#context, this.#subject));
  }

  start(ids: IdRange): Promise<Attachment> {
    return this.#alone('start', async (release) => ({
      kind: 'tree',
      mounts: this.#isOwned
        ? await startOwned(this.#context, this.#subject, ids)
        : await startSnapshot(this.#context, this.#subject, ids, this.#shownVid, release),
    }));
  }

  async stop(): Promise<void> {
    await this.#alone('stop', () =>
      this.#isOwned ? stopOwned(this.#context, this.#subject) : stopSnapshot(this.#context, this.#subject),
    );
    if (this.#shownVid !== undefined) this.#foldLater(this.#shownVid);
  }

  cloneFrom(source: Volume): Promise<void> {
    return this.#explained('clone', async () => {
      this.#refuseUnkept('clone to');
      if (source instanceof DirVolume)
        await cloneState(this.#context, this.#subject, source.#context, source.#subject);
      else await this.importData(await source.exportData());
    });
  }

  async revisions(): Promise<readonly Revision[]> {
    const record = await this.#explained('list revisions of', () => readRecord(this.#subject.path));
    return (record?.revisions ?? []).map(({ time }) => ({ id: String(time), time: new Date(time * 1000) }));
  }

  revert(revision?: string): Promise<void> {
    return this.#alone('revert', async () => {
      await refuseStarted(this.#subject, 'revert');
      const record = await existingRecord(this.#context, this.config.vid);
      const { revisions } = record;
      const chosen =
        revision === undefined ? revisions.at(-1) : revisions.find(({ time }) => String(time) === revision);
      if (!chosen) throw noRevision(this.config.vid, revision);
      const others = revisions.filter((one) => one !== chosen);
      const left = record.tip === null ? [] : [{ time: timeFor(record), tip: record.tip }];
      await replaceRecord(this.#context, this.#subject, record, {
        ...record,
        tip: chosen.tip,
        revisions: kept([...others, ...left], Math.max(this.config.revisionsToKeep, 1)),
      });
    });
  }

  resize(size: number): Promise<void> {
    return this.#alone('resize', async () => {
      if (!this.#keeps) return;
      const record = await existingRecord(this.#context, this.config.vid);
      const present = Math.max(record.size ?? 0, this.config.size);
      if (!Number.isSafeInteger(size) || size < present)
        throw new StoragePoolException(
          `Volume '${this.config.vid}' cannot be resized to ${size} bytes: it has ${present}, and never gets smaller`,
        );
      await replaceRecord(this.#context, this.#subject, record, { ...record, size });
    });
  }

  exportData(): Promise<Readable> {
    return this.#alone('export', () => exportData(this.#context, this.#subject));
  }

  importData(untrustedData: Readable): Promise<void> {
    return this.#explained('import to', async () => {
      this.#refuseUnkept('import to');
      await importData(this.#context, this.#subject, untrustedData);
      this.#foldLater(this.config.vid);
    });
  }

  populate(source: TreeSource, options: BuildOptions = {}): Promise<void> {
    return this.#explained('populate', async () => {
      this.#refuseUnkept('populate');
      await populate(this.#context, this.#subject, source, options);
    });
  }

  /**
   * Bytes on disk of its committed state, its revisions and what is being written. Layers shared with clones count in
   * each; those of a snapshot's source count in the source only.
   */
  usage(): Promise<number> {
    return this.#explained('measure', () => usageOf(this.#context, this.#subject));
  }

  async isDirty(): Promise<boolean> {
    return (await this.#explained('look at', () => readRun(this.#subject.path))) !== undefined;
  }

  isOutdated(): Promise<boolean> {
    return this.#explained('look at', async () => {
      const run = this.config.snapOnStart ? await readRun(this.#subject.path) : undefined;
      const source =
        run && this.config.source ? await readRecord(this.#context.place.volume(this.config.source)) : null;
      return run !== undefined && run.tip !== source?.tip;
    });
  }

  /** It has a state of its own between starts. */
  get #keeps(): boolean {
    return !this.config.snapOnStart && (this.config.saveOnStop || !this.config.rw);
  }

  /** Its domain writes it, and that is kept. */
  get #isOwned(): boolean {
    return this.#keeps && this.config.rw;
  }

  /** The volume whose committed state is seen at start; undefined for a volatile volume. */
  get #shownVid(): string | undefined {
    if (this.config.snapOnStart) return this.config.source;
    return this.#keeps ? this.config.vid : undefined;
  }

  #refuseUnkept(verb: string): void {
    if (this.#keeps) return;
    throw new StoragePoolException(
      `Cannot ${verb} volume '${this.config.vid}': it keeps nothing (snap_on_start=${this.config.snapOnStart}, ` +
        `save_on_stop=${this.config.saveOnStop})`,
    );
  }

  /** With the locks of this volume and of its source; folds give way. */
  #alone<T>(verb: string, task: (release: Release) => Promise<T>): Promise<T> {
    const { vid, source } = this.config;
    const keys = source === undefined ? [vid] : [vid, source];
    for (const key of keys) this.#context.chores.interrupt(key);
    return this.#explained(verb, () => this.#context.locks.hold(keys, task));
  }

  #explained<T>(verb: string, task: () => Promise<T>): Promise<T> {
    return explained(`Pool '${this.#context.pool}' cannot ${verb} volume '${this.config.vid}'`, task);
  }

  #foldLater(vid: string): void {
    this.#context.chores.start(vid, (signal) =>
      this.#context.locks.hold([vid], () => foldStack(this.#context, vid, signal)),
    );
  }
}

function noRevision(vid: string, revision: string | undefined): QubesVolumeRevisionNotFoundError {
  return new QubesVolumeRevisionNotFoundError(
    revision === undefined
      ? `Volume '${vid}' has no revisions; set its revisions_to_keep to have some after the next shutdown`
      : `Volume '${vid}' has no revision '${printable(revision)}'`,
  );
}
