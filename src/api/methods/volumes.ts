/** `admin.vm.volume.*` and `admin.pool.*` */
import { randomUUID } from 'node:crypto';
import {
  ProtocolError,
  printable,
  QubesVolumeCopyTokenNotFoundError,
  QubesVolumeRevisionNotFoundError,
} from '../../base/errors.ts';
import { QubesVM } from '../../vm/qubes-vm.ts';
import type { Call, Handler } from '../call.ts';
import { asciiPayload, numberPayload } from '../payload.ts';
import { startable } from './domains.ts';

/** How long a clone token is good for. */
const TOKEN_LIFE_MS = 10 * 60_000;
const MAX_TOKENS = 1000;

/** Volumes that may be cloned once by whoever holds the token. */
const tokens = new Map<string, { readonly vm: QubesVM; readonly volume: string; readonly until: number }>();

export const volumes = {
  'admin.vm.volume.List'({ destination, visible }) {
    const names = destination instanceof QubesVM ? destination.volumes.names : [];
    return visible(names)
      .map((name) => `${name}\n`)
      .join('');
  },

  async 'admin.vm.volume.Info'(call) {
    const { vm, name } = find(call);
    const config = vm.volumes.config(name);
    const volume = vm.volumes.get(name);
    const [usage, outdated] = await Promise.all([volume.usage(), volume.isOutdated()]);
    return info({
      pool: vm.volumes.poolName(name),
      vid: config.vid,
      size: config.size,
      usage,
      rw: config.rw,
      source: config.source ?? '',
      path: '',
      save_on_stop: config.saveOnStop,
      snap_on_start: config.snapOnStart,
      revisions_to_keep: config.revisionsToKeep,
      ephemeral: false,
      is_outdated: outdated,
    });
  },

  async 'admin.vm.volume.ListSnapshots'(call) {
    const { vm, name } = find(call);
    return (await vm.volumes.get(name).revisions()).map(({ id }) => `${id}\n`).join('');
  },

  async 'admin.vm.volume.Revert'(call) {
    const { vm, name } = find(call);
    const untrustedRevision = asciiPayload(call.untrustedPayload);
    const volume = vm.volumes.get(name);
    const known = await volume.revisions();
    if (untrustedRevision && !known.some(({ id }) => id === untrustedRevision))
      throw new QubesVolumeRevisionNotFoundError(
        `Volume ${name} of ${vm.name} has no revision '${printable(untrustedRevision)}'`,
      );
    await vm.whileHalted('reverted', () => volume.revert(untrustedRevision || undefined));
    return '';
  },

  'admin.vm.volume.CloneFrom'(call) {
    const { vm, name } = find(call);
    vm.volumes.get(name);
    const now = Date.now();
    for (const [token, { until }] of tokens)
      if (until < now || tokens.size > MAX_TOKENS) tokens.delete(token);
    const token = randomUUID().replaceAll('-', '');
    tokens.set(token, { vm, volume: name, until: now + TOKEN_LIFE_MS });
    return token;
  },

  async 'admin.vm.volume.CloneTo'(call) {
    const { vm, name } = find(call);
    const untrustedToken = asciiPayload(call.untrustedPayload).trim();
    const source = tokens.get(untrustedToken);
    tokens.delete(untrustedToken);
    if (!source || source.vm.isRemoved || source.until < Date.now())
      throw new QubesVolumeCopyTokenNotFoundError(
        'No volume is waiting to be cloned with this token; get one with admin.vm.volume.CloneFrom',
      );
    await vm.whileHalted('cloned into', () =>
      vm.volumes.get(name).cloneFrom(source.vm.volumes.get(source.volume)),
    );
    return '';
  },

  async 'admin.vm.volume.Resize'(call) {
    const { vm, name } = find(call);
    const size = numberPayload(call.untrustedPayload);
    const { size: before } = vm.volumes.config(name);
    if (size < before)
      throw new ProtocolError(
        `Volume ${name} of ${vm.name} has ${before} bytes and cannot become smaller (${size})`,
      );
    await vm.volumes.get(name).resize(size);
    await call.system.change((change) => {
      change.onUndo(vm.volumes.adjust(name, { size }));
      change.touch(vm);
    });
    return '';
  },

  async 'admin.vm.volume.Set.revisions_to_keep'(call) {
    const { vm, name } = find(call);
    const revisionsToKeep = numberPayload(call.untrustedPayload);
    if (revisionsToKeep > 100)
      throw new ProtocolError(`At most 100 revisions can be kept, not ${revisionsToKeep}`);
    await call.system.change((change) => {
      change.onUndo(vm.volumes.adjust(name, { revisionsToKeep }));
      change.touch(vm);
    });
    return '';
  },

  'admin.pool.List': ({ system, visible }) =>
    visible(system.pools)
      .map(({ name }) => `${name}\n`)
      .join(''),
  /** The blank after the name is there even without parameters: Qubes' client cuts there. */
  'admin.pool.ListDrivers': ({ system, visible }) =>
    visible(system.pools.drivers)
      .map(({ name, parameters }) => `${name} ${parameters.join(' ')}\n`)
      .join(''),
  async 'admin.pool.Info'({ system, untrustedArgument }) {
    const pool = system.pool(untrustedArgument);
    const { size, used } = await pool.usage();
    return info({ name: pool.name, driver: pool.driver, ...pool.config, size, usage: used });
  },
} satisfies Record<string, Handler>;

function find({ destination, untrustedArgument }: Call): { readonly vm: QubesVM; readonly name: string } {
  const vm = startable(destination);
  return { vm, name: vm.volumes.config(untrustedArgument).name };
}

/** `key=value`, a line each, booleans as Qubes spells them. */
function info(values: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${typeof value === 'boolean' ? (value ? 'True' : 'False') : value}\n`)
    .join('');
}
