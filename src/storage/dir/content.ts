import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StoragePoolException } from '../../base/errors.ts';
import { makeDirectories } from '../directories.ts';
import type { BuildOptions, EmptyTree, TreeSource } from '../tree-source.ts';
import type { DirContext, Subject } from './context.ts';
import { copyChain } from './copy.ts';
import { exportState } from './export.ts';
import { extractTar } from './extract.ts';
import { copyUser, volumeUser } from './layer-id.ts';
import { makeLayer } from './new-layer.ts';
import { makeDirectory } from './place.ts';
import { commit, contentTip, existingRecord, refuseStarted } from './state.ts';
import { partName } from './targets.ts';

/** Replacing what a volume holds: by a build, a tar stream, or another volume's state. */

/**
 * What is imported belongs to ids that no domain ever runs with (the range below that of the first domain), so that
 * a set-user-id file in it is worth nothing to an ordinary user of the host.
 */
export const IMPORT_ID_START = 256 * 65_536;

/** A clone that would be deeper than this is made by copying instead. */
const DEEPEST_SHARED = 24;

export async function populate(
  context: DirContext,
  subject: Subject,
  source: TreeSource,
  options: BuildOptions,
): Promise<void> {
  await refuseStartedOrMissing(context, subject, 'populate');
  await commitNew(context, subject, () =>
    makeLayer(context, {
      vid: subject.vid,
      idStart: 0,
      below: null,
      fill: async (directory) => {
        const root = join(directory, partName('tree', '/'));
        await makeDirectory(root, 0o755, 0);
        await source.build(emptyTree(directory, root), options);
      },
    }),
  );
}

export async function importData(
  context: DirContext,
  subject: Subject,
  untrustedData: Readable,
): Promise<void> {
  try {
    await refuseStartedOrMissing(context, subject, 'import to');
    const record = await existingRecord(context, subject.vid);
    const [top] = await context.layers.chain(record.tip);
    const idStart = top && top.idStart !== 0 ? top.idStart : IMPORT_ID_START;
    const limit = Math.max(record.size ?? 0, subject.config.size);
    await commitNew(context, subject, () =>
      makeLayer(context, {
        vid: subject.vid,
        idStart,
        below: null,
        fill: async (directory) => {
          const root = join(directory, partName('tree', '/'));
          await makeDirectory(root, 0o755, idStart);
          await extractTar(untrustedData, root, { idStart, limit });
        },
      }),
    );
  } finally {
    untrustedData.destroy();
  }
}

export async function cloneState(
  context: DirContext,
  subject: Subject,
  sourceContext: DirContext,
  source: Subject,
): Promise<void> {
  await refuseStartedOrMissing(context, subject, 'clone to');
  if (source.config.snapOnStart)
    throw new StoragePoolException(
      `Volume '${source.vid}' keeps nothing that could be cloned; clone its source`,
    );
  if (context === sourceContext && (await shareState(context, subject, source))) return;
  await withPinnedState(sourceContext, source, async (tip) => {
    const chain = await sourceContext.layers.chain(tip);
    if (chain.length < DEEPEST_SHARED)
      await commitNew(context, subject, () => copyChain(context, subject.vid, chain));
    else await importData(context, subject, exportState(chain));
  });
}

/** O(1): both volumes name the same layers from now on. False when the stack is too deep for that. */
async function shareState(context: DirContext, subject: Subject, source: Subject): Promise<boolean> {
  return context.locks.hold([subject.vid, source.vid], async () => {
    const tip = await contentTip(context, source.vid);
    if ((await context.layers.chain(tip)).length >= DEEPEST_SHARED) return false;
    await refuseStarted(subject, 'clone to');
    const record = await existingRecord(context, subject.vid);
    if (tip !== null) await context.layers.addUser(tip, volumeUser(subject.vid));
    await commit(context, subject, record, tip);
    return true;
  });
}

/** Runs `task` while the source's committed state stays as it is, without holding up the source. */
export async function withPinnedState<T>(
  context: DirContext,
  source: Subject,
  task: (tip: string | null) => Promise<T>,
): Promise<T> {
  const user = copyUser(context.place.uniqueName());
  const tip = await context.locks.hold([source.vid], async () => {
    const committed = await contentTip(context, source.vid);
    if (committed !== null) await context.layers.addUser(committed, user);
    return committed;
  });
  try {
    return await task(tip);
  } finally {
    if (tip !== null) await context.layers.dropUser(tip, user);
  }
}

/** Makes layers without the lock, since that may take minutes, then commits them. */
async function commitNew(
  context: DirContext,
  subject: Subject,
  make: () => Promise<string | null>,
): Promise<void> {
  const tip = await make();
  try {
    await context.locks.hold([subject.vid], async () => {
      await refuseStarted(subject, 'replace the content of');
      await commit(context, subject, await existingRecord(context, subject.vid), tip);
    });
  } catch (thrown) {
    if (tip !== null) await context.layers.dropUser(tip, volumeUser(subject.vid));
    throw thrown;
  }
}

async function refuseStartedOrMissing(context: DirContext, subject: Subject, verb: string): Promise<void> {
  await refuseStarted(subject, verb);
  await existingRecord(context, subject.vid);
}

function emptyTree(directory: string, root: string): EmptyTree {
  return {
    root,
    async useHostDirectory(target, hostPath) {
      await makeDirectories(join(root, target), 0o755);
      await symlink(hostPath, join(directory, partName('host', target)));
    },
  };
}
