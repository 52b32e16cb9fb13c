import { readFile } from 'node:fs/promises';
import { StoragePoolException } from '../../base/errors.ts';
import { type ProgramOptions, runProgram } from '../program.ts';

/** One place packages come from. */
export interface AptSource {
  readonly uri: string;
  /** `bookworm`, `bookworm-updates`. */
  readonly release: string;
  readonly components: readonly string[];
  /** A keyring's path, when the source names one. */
  readonly signedBy?: string;
}

const FORMAT = ['REPO_URI', 'RELEASE', 'COMPONENT', 'SIGNED_BY'].map((field) => `$(${field})`).join('\t');

/**
 * The sources of this machine's own release, as its apt understands its configuration; the release itself first, then
 * its updates. Others (of vendors, of other releases) are left out. Throws StoragePoolException when there is none.
 */
export async function configuredSources(options: ProgramOptions): Promise<AptSource[]> {
  const release = await hostRelease();
  const lines: string[] = [];
  await runProgram(['apt-get', 'indextargets', '--format', FORMAT, 'Created-By: Packages'], {
    ...options,
    onLine: (line) => lines.push(line),
  });
  const sources = sourcesOf(lines).filter((source) => source.release.split('-')[0] === release);
  sources.sort((one, other) => Number(other.release === release) - Number(one.release === release));
  if (release !== undefined && sources[0]?.release === release) return sources;
  throw new StoragePoolException(
    "This machine's apt knows no mirror of the release it runs, so there is nothing to build the template 'debian' " +
      'from; add one below /etc/apt/sources.list.d',
  );
}

/** Of what apt-get printed, one source for each place and release. */
export function sourcesOf(lines: readonly string[]): AptSource[] {
  const sources = new Map<string, AptSource>();
  for (const line of lines) {
    const [uri, release, component, signedBy] = line.split('\t');
    if (!uri || !release || !component || !/^[a-z][a-z0-9+.-]*:\S+$/i.test(uri)) continue;
    const key = `${uri} ${release}`;
    const known = sources.get(key);
    sources.set(key, {
      uri,
      release,
      components: [...(known?.components ?? []), component],
      ...(signedBy?.startsWith('/') ? { signedBy } : {}),
    });
  }
  return [...sources.values()];
}

async function hostRelease(): Promise<string | undefined> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME="?([a-z0-9.-]+)"?$/m.exec(text)?.[1];
}
