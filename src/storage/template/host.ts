import { chmod, lstat, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { printable, QubesValueError, StoragePoolException } from '../../base/errors.ts';
import { makeDirectories } from '../directories.ts';
import type { BuildOptions, EmptyTree, TreeSource } from '../tree-source.ts';
import { makeAccounts } from './accounts.ts';
import { copyPackageList } from './copy-package-list.ts';
import { copyPublic } from './copy-public.ts';

export interface HostTemplateOptions {
  /** The name of the user with id 1000; `user` when not given. */
  readonly user?: string;
  /** The host's root directory; another one in tests. */
  readonly hostRoot?: string;
}

/**
 * The template `host`: the machine's own programs, read only and as they are at any time, over a skeleton of
 * everything else made in a moment. Of the host's other files it holds only what its programs need to run
 * ({@link COPIED}), and of these only what every user of the host may read: no users, keys, logs or data.
 */
export function hostTemplate(options: HostTemplateOptions = {}): TreeSource {
  const { user = 'user', hostRoot = '/' } = options;
  if (!/^[a-z_][a-z0-9_-]{0,30}$/.test(user))
    throw new QubesValueError(
      `User name '${printable(user)}' is not valid: a-z, 0-9, '_' and '-', at most 31`,
    );
  return {
    name: 'host',
    build: (tree, build) => new HostBuild(tree, hostRoot, user, build ?? {}).run(),
  };
}

/** What programs look for outside `/usr`. Where it is missing, they do without. */
const COPIED = [
  'etc/ld.so.cache etc/ld.so.conf etc/ld.so.conf.d etc/alternatives etc/ssl/certs etc/ssl/openssl.cnf',
  'etc/ca-certificates.conf etc/pki/tls/certs etc/pki/ca-trust/extracted etc/crypto-policies',
  'etc/localtime etc/pam.conf etc/pam.d etc/security etc/login.defs etc/protocols etc/services etc/shells',
  'etc/bash.bashrc etc/inputrc etc/debian_version etc/dpkg etc/perl etc/python3 etc/terminfo',
]
  .join(' ')
  .split(' ');

/** Settings in which a password for a proxy or a mirror may stand. */
const COPIED_UNLESS_SECRET = ['etc/profile', 'etc/profile.d', 'etc/apt'];

const DPKG = 'var/lib/dpkg';
const NOT_COPIED = /\/(auth\.conf(\.d)?|private|opasswd)$/;

/** Where a merged distribution has links into `/usr`, and others directories of programs. */
const PROGRAM_DIRECTORIES = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'libo32'];

const DIRECTORIES: Readonly<Record<string, number>> = {
  boot: 0o755,
  dev: 0o755,
  etc: 0o755,
  'etc/skel': 0o755,
  home: 0o755,
  media: 0o755,
  mnt: 0o755,
  opt: 0o755,
  proc: 0o555,
  root: 0o700,
  run: 0o755,
  rw: 0o755,
  srv: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  'var/backups': 0o755,
  'var/cache/apt/archives/partial': 0o755,
  'var/lib/apt/lists/partial': 0o755,
  'var/lib/misc': 0o755,
  'var/local': 0o755,
  'var/log/apt': 0o755,
  'var/mail': 0o755,
  'var/opt': 0o755,
  'var/spool': 0o755,
  'var/tmp': 0o1777,
};

const LINKS: Readonly<Record<string, string>> = {
  'etc/mtab': '../proc/self/mounts',
  'var/lock': '../run/lock',
  'var/run': '../run',
};

const FILES: Readonly<Record<string, string>> = {
  'etc/hostname': 'bulkhead\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n',
  'etc/resolv.conf': '',
  // Empty: each domain makes its own.
  'etc/machine-id': '',
  'etc/fstab': '',
  'etc/environment': 'LANG=C.UTF-8\n',
  'etc/nsswitch.conf': [
    ...['passwd', 'group', 'shadow', 'gshadow'].map((database) => `${database}: files`),
    'hosts: files dns',
    ...['networks', 'protocols', 'services', 'ethers', 'rpc'].map((database) => `${database}: files`),
    '',
  ].join('\n'),
};

class HostBuild {
  readonly #tree: EmptyTree;
  readonly #hostRoot: string;
  readonly #user: string;
  readonly #build: BuildOptions;

  constructor(tree: EmptyTree, hostRoot: string, user: string, build: BuildOptions) {
    this.#tree = tree;
    this.#hostRoot = hostRoot;
    this.#user = user;
    this.#build = build;
  }

  async run(): Promise<void> {
    const steps: [string, () => Promise<unknown>][] = [
      ["linking the machine's programs", () => this.#usePrograms()],
      ['making directories', () => this.#makeDirectories()],
      ['copying settings', () => this.#copySettings()],
      [
        'copying the list of packages',
        () => copyPackageList(this.#host(DPKG), this.#own(DPKG), this.#build.signal),
      ],
      ['writing accounts and settings', () => this.#writeFiles()],
    ];
    for (const [line, step] of steps) {
      this.#build.signal?.throwIfAborted();
      this.#build.onProgress?.(line);
      await step();
    }
  }

  async #usePrograms(): Promise<void> {
    if (!(await lstat(this.#host('usr/bin/env')).catch(() => undefined)))
      throw new StoragePoolException(
        "This machine keeps its programs elsewhere than in /usr/bin, so the template 'host' cannot be made of them; " +
          'make another, such as debian',
      );
    await this.#tree.useHostDirectory('/usr', this.#host('usr'));
    for (const name of PROGRAM_DIRECTORIES) {
      const stat = await lstat(this.#host(name)).catch(() => undefined);
      if (stat?.isSymbolicLink()) await symlink(await readlink(this.#host(name)), this.#own(name));
      else if (stat?.isDirectory()) await this.#tree.useHostDirectory(`/${name}`, this.#host(name));
    }
  }

  async #makeDirectories(): Promise<void> {
    for (const [path, mode] of Object.entries(DIRECTORIES)) {
      await makeDirectories(this.#own(path), 0o755);
      await chmod(this.#own(path), mode);
    }
  }

  async #copySettings(): Promise<void> {
    await Promise.all([
      ...COPIED.map((path) => this.#copy(path)),
      ...COPIED_UNLESS_SECRET.map((path) => this.#copy(path, true)),
    ]);
  }

  async #writeFiles(): Promise<void> {
    for (const [path, text] of Object.entries(FILES)) await this.#write(path, text, 0o644);
    for (const [path, to] of Object.entries(LINKS)) await symlink(to, this.#own(path));
    if (await lstat(this.#host('usr/lib/os-release')).catch(() => undefined))
      await symlink('../usr/lib/os-release', this.#own('etc/os-release'));
    const { passwd, group, shadow, gshadow } = await this.#accounts();
    await this.#write('etc/passwd', passwd, 0o644);
    await this.#write('etc/group', group, 0o644);
    await this.#write('etc/shadow', shadow, 0o600);
    await this.#write('etc/gshadow', gshadow, 0o600);
  }

  async #accounts() {
    const list = (name: string) =>
      readFile(this.#host(`usr/share/base-passwd/${name}.master`), 'utf8').catch(() => undefined);
    const hasBash = await lstat(this.#host('usr/bin/bash')).catch(() => undefined);
    return makeAccounts(
      this.#user,
      hasBash ? '/bin/bash' : '/bin/sh',
      await list('passwd'),
      await list('group'),
    );
  }

  #copy(path: string, withoutPasswords = false): Promise<void> {
    return copyPublic(this.#host(path), this.#own(path), { except: NOT_COPIED, withoutPasswords });
  }

  async #write(path: string, text: string, mode: number): Promise<void> {
    await makeDirectories(dirname(this.#own(path)), 0o755);
    await writeFile(this.#own(path), text, { mode });
    await chmod(this.#own(path), mode);
  }

  #host(path: string): string {
    return join(this.#hostRoot, path);
  }

  #own(path: string): string {
    return join(this.#tree.root, path);
  }
}
