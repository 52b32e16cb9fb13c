import { close, constants } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { QubesVMError } from '../../base/errors.ts';
import type { Attachment, IdRange, Layer, TreeMount } from '../../storage/volume.ts';
import type { DomainSpec } from '../hypervisor.ts';
import { directoryBeneath, pathOfFd } from './beneath.ts';
import { MountFlag, mount, mountDirectory, unmount } from './kernel.ts';
import type { UserNamespaces } from './user-namespaces.ts';

const O_PATH = 0o10000000;
const HARDENED = MountFlag.noSetuid | MountFlag.noDevices;

const closeFd = promisify(close);

/** What of the private volume shows elsewhere too, as on Qubes: its directory and where it goes. */
const FROM_PRIVATE = [
  { directory: 'home', target: '/home' },
  { directory: 'usrlocal', target: '/usr/local' },
] as const;

/**
 * Mounts a domain's file system at `DIRECTORY/rootfs`: the root volume with the mounts inside it, the private volume at
 * `/rw`, `/home` and `/usr/local` from that, the volatile volume at `/var/tmp`. The host needs these mounts only
 * until the runtime has made its own of them.
 *
 * `/proc/mounts` inside shows descriptor numbers in place of the host's paths.
 */
export async function mountRootFs(
  directory: string,
  spec: DomainSpec,
  namespaces: UserNamespaces,
): Promise<void> {
  const rootfs = join(directory, 'rootfs');
  const build = new Assembly(directory, spec.ids, namespaces);
  const root = treesOf(spec, 'root');
  if (root?.[0]?.target !== '/')
    throw new QubesVMError(
      `domain ${spec.name} has no root volume; a container needs one that starts with '/'`,
    );
  await mkdir(rootfs, { recursive: true, mode: 0o711 });
  await build.mountTree(root[0], rootfs);
  await mustHoldSystem(rootfs, spec.name);
  await using rootHandle = await open(rootfs, O_PATH | constants.O_DIRECTORY);
  for (const tree of root.slice(1)) await build.mountInside(rootHandle, tree.target, tree);
  for (const tree of treesOf(spec, 'private') ?? [])
    await build.mountInside(rootHandle, join('/rw', tree.target), tree);
  if (spec.volumes['private'])
    for (const { directory: name, target } of FROM_PRIVATE)
      await build.show(rootHandle, `/rw/${name}`, target);
  for (const tree of treesOf(spec, 'volatile') ?? [])
    await build.mountInside(rootHandle, join('/var/tmp', tree.target), tree);
}

/** The agent would run without any system around it, and every command would fail for no visible reason. */
async function mustHoldSystem(rootfs: string, name: string): Promise<void> {
  await using entries = await opendir(rootfs);
  if ((await entries.read()) === null)
    throw new QubesVMError(
      `Domain ${name} has an empty root volume: there is no system to run. Build one in its template (or in the ` +
        'domain itself, if it has none) with: bulkhead template build NAME --from host',
    );
}

/** Undoes {@link mountRootFs}, whatever part of it there is. */
export async function unmountAllBeneath(directory: string): Promise<void> {
  const mountInfo = await readFile('/proc/self/mountinfo', 'utf8');
  const places = mountInfo
    .split('\n')
    .map((line) => unescapeOctal(line.split(' ')[4] ?? ''))
    .filter((place) => place.startsWith(`${directory}/`));
  for (const place of places.reverse()) await unmount(place);
}

function treesOf(spec: DomainSpec, volume: string): readonly TreeMount[] | undefined {
  const attachment: Attachment | undefined = spec.volumes[volume];
  if (attachment && attachment.kind !== 'tree')
    throw new QubesVMError(
      `volume ${volume} of ${spec.name} is a block device; a container takes directory trees: use a pool of driver 'dir'`,
    );
  return attachment?.mounts;
}

/** One domain's mounts in the making. */
class Assembly {
  readonly #directory: string;
  readonly #ids: IdRange;
  readonly #namespaces: UserNamespaces;
  #layers = 0;

  constructor(directory: string, ids: IdRange, namespaces: UserNamespaces) {
    this.#directory = directory;
    this.#ids = ids;
    this.#namespaces = namespaces;
  }

  /** Mounts a tree at `target` inside the guest's root. */
  async mountInside(root: FileHandle, target: string, tree: TreeMount): Promise<void> {
    const at = await directoryBeneath(root.fd, target, this.#ids.start);
    try {
      await this.mountTree(tree, pathOfFd(at));
    } finally {
      await closeFd(at);
    }
  }

  /** Makes the directory `from` inside the guest's root appear at `target` too. */
  async show(root: FileHandle, from: string, target: string): Promise<void> {
    const source = await directoryBeneath(root.fd, from, this.#ids.start);
    try {
      const at = await directoryBeneath(root.fd, target, this.#ids.start);
      await mount(pathOfFd(source), pathOfFd(at), '', MountFlag.bind).finally(() => closeFd(at));
    } finally {
      await closeFd(source);
    }
  }

  async mountTree(tree: TreeMount, target: string): Promise<void> {
    const [first, ...others] = tree.lower;
    if (!first) return this.#mountInPlace(tree, target);
    if (!tree.upper && others.length === 0) return this.#mountMapped(first, target);
    const layers: string[] = [];
    try {
      for (const layer of tree.lower) layers.push(await this.#mountLayer(layer));
      await this.#mountOverlay(tree, layers, target);
    } finally {
      for (const layer of layers) await unmount(layer); // the overlay has its own hold on them
    }
  }

  async #mountInPlace(tree: TreeMount, target: string): Promise<void> {
    if (!tree.upper) throw new QubesVMError(`the mount '${tree.target}' has neither layers nor a directory`);
    await mountDirectory(tree.upper, target);
  }

  async #mountLayer(layer: Layer): Promise<string> {
    const target = join(this.#directory, 'layers', String(this.#layers++));
    await mkdir(target, { recursive: true, mode: 0o711 });
    await this.#mountMapped(layer, target);
    return target;
  }

  /** Read only, its files belonging to the domain's ids. */
  async #mountMapped(layer: Layer, target: string): Promise<void> {
    const namespaceFd = await this.#namespaces.descriptor(layer.idStart, this.#ids);
    await mountDirectory(layer.path, target, { readOnly: true, namespaceFd });
  }

  async #mountOverlay(tree: TreeMount, layers: readonly string[], target: string): Promise<void> {
    const handles: FileHandle[] = [];
    const through = async (path: string): Promise<string> => {
      const handle = await open(path, O_PATH | constants.O_DIRECTORY);
      handles.push(handle);
      return pathOfFd(handle.fd);
    };
    try {
      const lower = [];
      for (const layer of layers) lower.push(await through(layer));
      const options = [`lowerdir=${lower.join(':')}`];
      if (tree.upper) options.push(`upperdir=${await through(tree.upper)}`);
      if (tree.upper && tree.work) options.push(`workdir=${await through(tree.work)}`);
      const flags = HARDENED | (tree.upper ? 0 : MountFlag.readOnly);
      await mount('bulkhead', target, 'overlay', flags, options.join(','));
    } finally {
      for (const handle of handles) await handle.close();
    }
  }
}

/** Paths in mountinfo have blanks and backslashes as `\NNN`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
