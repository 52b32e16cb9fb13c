import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printable, QubesValueError, StoragePoolException } from '../../base/errors.ts';
import { makeDirectories } from '../directories.ts';
import { type ProgramOptions, runProgram } from '../program.ts';
import type { BuildOptions, EmptyTree, TreeSource } from '../tree-source.ts';
import { userLines } from './accounts.ts';
import { type AptSource, configuredSources } from './apt-sources.ts';

export interface DebianTemplateOptions {
  /** The name of the user with id 1000; `user` when not given. */
  readonly user?: string;
  /** Directories where programs are looked for; the system's when not given. */
  readonly searchPath?: string;
}

/** Downloads and unpacks some hundred megabytes. */
const DEADLINE = 45 * 60_000;
const REMEDY = 'run: scripts/setup-host --with debian-template';

/** Beside the distribution's essential packages. */
const PACKAGES = ['ca-certificates', 'debian-archive-keyring', 'iproute2', 'less', 'procps'];

/**
 * The template `debian`: a small system of its own, made of packages from the mirrors this machine's apt is
 * configured with (so of the same distribution and release), by mmdebstrap, or debootstrap where that is missing.
 * Takes a minute or two and needs root.
 */
export function debianTemplate(options: DebianTemplateOptions = {}): TreeSource {
  const { user = 'user', searchPath } = options;
  if (!/^[a-z_][a-z0-9_-]{0,30}$/.test(user))
    throw new QubesValueError(
      `User name '${printable(user)}' is not valid: a-z, 0-9, '_' and '-', at most 31`,
    );
  return {
    name: 'debian',
    async build(tree, build = {}) {
      const env = searchPath === undefined ? {} : { PATH: searchPath };
      const sources = await configuredSources({
        deadline: 60_000,
        remedy: REMEDY,
        env,
        signal: build.signal,
      });
      await bootstrap(tree, sources, { deadline: DEADLINE, remedy: REMEDY, env, ...progress(build) });
      await finish(tree, sources, user);
    },
  };
}

function progress(build: BuildOptions): Pick<ProgramOptions, 'signal' | 'onLine'> {
  return { signal: build.signal, onLine: build.onProgress };
}

async function bootstrap(
  tree: EmptyTree,
  sources: readonly AptSource[],
  options: ProgramOptions,
): Promise<void> {
  try {
    await runProgram(mmdebstrap(tree.root, sources), options);
  } catch (thrown) {
    if (!(thrown instanceof StoragePoolException && thrown.message.includes('mmdebstrap is not installed')))
      throw thrown;
    await runProgram(debootstrap(tree.root, sources), options);
  }
}

/** Every source as one line of `sources.list`. */
function mmdebstrap(root: string, sources: readonly AptSource[]): [string, ...string[]] {
  return [
    'mmdebstrap',
    '--mode=root',
    '--format=directory',
    '--variant=minbase',
    `--include=${PACKAGES.join(',')}`,
    releaseOf(sources),
    root,
    ...sources.map(({ uri, release, components, signedBy }) =>
      ['deb', ...(signedBy ? [`[signed-by=${signedBy}]`] : []), uri, release, ...components].join(' '),
    ),
  ];
}

/** It knows one mirror; updates come with the first `apt upgrade`. */
function debootstrap(root: string, sources: readonly AptSource[]): [string, ...string[]] {
  const [main] = sources;
  const keyring = main?.signedBy ? [`--keyring=${main.signedBy}`] : [];
  const include = `--include=${PACKAGES.join(',')}`;
  return ['debootstrap', '--variant=minbase', include, ...keyring, releaseOf(sources), root, main?.uri ?? ''];
}

/** The first source is that of the release itself. */
function releaseOf(sources: readonly AptSource[]): string {
  return sources[0]?.release ?? '';
}

/** What makes a system of the unpacked packages, and nothing in it tells of this machine. */
async function finish(tree: EmptyTree, sources: readonly AptSource[], user: string): Promise<void> {
  const own = (path: string) => join(tree.root, path);
  const { passwd, group, shadow, gshadow } = userLines(user, '/bin/bash');
  await appendFile(own('etc/passwd'), passwd);
  await appendFile(own('etc/group'), group);
  await appendFile(own('etc/shadow'), shadow);
  await appendFile(own('etc/gshadow'), gshadow);
  await writeFile(own('etc/hostname'), 'bulkhead\n');
  await writeFile(own('etc/hosts'), '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n');
  await rm(own('etc/resolv.conf'), { force: true });
  await writeFile(own('etc/resolv.conf'), '');
  await writeFile(own('etc/machine-id'), '');
  await writeFile(own('etc/apt/sources.list'), sources.map(withoutPassword).join(''));
  await makeDirectories(own('rw'), 0o755);
  // Domains get a /dev of their own; device files in a tree are only a risk.
  for (const name of await readdir(own('dev'))) await rm(own(join('dev', name)), { recursive: true });
  if (!(await readFile(own('etc/passwd'), 'utf8')).includes('root:'))
    throw new StoragePoolException('The system that was built has no root account; look at the lines above');
}

function withoutPassword({ uri, release, components, signedBy }: AptSource): string {
  const clean = uri.replace(/:\/\/[^/]*@/, '://');
  return `deb ${signedBy ? `[signed-by=${signedBy}] ` : ''}${clean} ${release} ${components.join(' ')}\n`;
}
