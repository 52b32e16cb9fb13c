import { QubesException } from '../base/errors.ts';
import type { AdminClient } from './admin-client.ts';
import type { DomainClient } from './domain-client.ts';

export interface CloneOptions {
  /** The class of the copy; the source's when not given. */
  readonly class?: string;
  readonly pool?: string;
  readonly pools?: Readonly<Record<string, string>>;
  /** Volumes that stay empty. */
  readonly ignoreVolumes?: readonly string[];
  /** Called with what could not be copied besides volumes; without it that ends the clone. */
  readonly onError?: (error: QubesException) => void;
}

/** Properties that creation sets, or that are the copy's own. */
const NOT_COPIED = new Set(['name', 'qid', 'uuid', 'template', 'label', 'installed_by_rpm']);

/**
 * Copies a domain: properties that are not default, tags, features, notes, and every volume that keeps what is
 * written. As on Qubes this is the client's work, in many requests; when one fails, what was made is removed again.
 */
export async function cloneDomain(
  client: AdminClient,
  sourceName: string,
  name: string,
  options: CloneOptions = {},
): Promise<void> {
  const source = client.domain(sourceName);
  const copy = await createLike(client, source, name, options);
  try {
    const tolerate = tolerance(options);
    await copyProperties(source, copy, tolerate);
    await copyTags(source, copy, tolerate);
    await copyFeatures(source, copy, tolerate);
    await tolerate('notes', copyNotes(source, copy));
    await copyVolumes(source, copy, options);
  } catch (error) {
    await copy.remove();
    throw error;
  }
}

async function createLike(
  client: AdminClient,
  source: DomainClient,
  name: string,
  options: CloneOptions,
): Promise<DomainClient> {
  const [label, template, klass] = await Promise.all([
    source.properties.get('label'),
    templateOf(source),
    options.class ?? classOf(client, source.name),
  ]);
  return client.create({
    class: klass,
    name,
    label: label.value,
    ...(template && { template }),
    ...(options.pool && { pool: options.pool }),
    ...(options.pools && { pools: options.pools }),
  });
}

/** None for a domain without template, whether or not it has the property. */
async function templateOf(source: DomainClient): Promise<string> {
  const names = await source.properties.list();
  return names.includes('template') ? (await source.properties.get('template')).value : '';
}

async function classOf(client: AdminClient, name: string): Promise<string> {
  const [line = ''] = await client.lines('admin.vm.List', name);
  return / class=(\S+)/.exec(line)?.[1] ?? '';
}

type Tolerate = (what: string, work: Promise<unknown>) => Promise<void>;

function tolerance({ onError }: CloneOptions): Tolerate {
  return async (what, work) => {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof QubesException)) throw error;
      const explained = new QubesException(`${what} not copied: ${error.message}`, { cause: error });
      if (!onError) throw explained;
      onError(explained);
    }
  };
}

async function copyProperties(source: DomainClient, copy: DomainClient, tolerate: Tolerate): Promise<void> {
  for (const [name, { value, isDefault }] of await source.properties.getAll())
    if (!isDefault && !NOT_COPIED.has(name))
      await tolerate(`property ${name}`, copy.properties.set(name, value));
}

async function copyTags(source: DomainClient, copy: DomainClient, tolerate: Tolerate): Promise<void> {
  for (const tag of await source.tags())
    if (!tag.startsWith('created-by-')) await tolerate(`tag ${tag}`, copy.addTag(tag));
}

async function copyFeatures(source: DomainClient, copy: DomainClient, tolerate: Tolerate): Promise<void> {
  for (const name of await source.features()) {
    // What is preloaded belongs to the source; how much to preload is a wish that may be copied.
    if (name.startsWith('preload-dispvm') && name !== 'preload-dispvm-max') continue;
    await tolerate(`feature ${name}`, copy.setFeature(name, await source.feature(name)));
  }
}

async function copyNotes(source: DomainClient, copy: DomainClient): Promise<void> {
  const notes = await source.notes();
  if (notes !== '') await copy.setNotes(notes);
}

async function copyVolumes(
  source: DomainClient,
  copy: DomainClient,
  { ignoreVolumes = [] }: CloneOptions,
): Promise<void> {
  for (const name of await copy.volumes()) {
    const { save_on_stop: kept } = await copy.volume(name);
    if (kept === 'True' && !ignoreVolumes.includes(name)) await copy.cloneVolumeFrom(source, name);
  }
}
