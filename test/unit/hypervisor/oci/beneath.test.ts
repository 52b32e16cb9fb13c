import { close, constants } from 'node:fs';
import {
  chown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { directoryBeneath, pathOfFd } from '../../../../src/hypervisor/oci/beneath.ts';
import { KernelError } from '../../../../src/hypervisor/oci/kernel.ts';

const OWNER = process.geteuid?.() ?? 0;
let outside: string;
let root: string;
beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'bulkhead-beneath-'));
  root = join(outside, 'root');
  await mkdir(root);
});
afterEach(() => rm(outside, { recursive: true }));

async function reach(path: string, owner = OWNER): Promise<string> {
  await using handle = await open(root, constants.O_DIRECTORY);
  const fd = await directoryBeneath(handle.fd, path, owner);
  const place = await readlink(pathOfFd(fd));
  await promisify(close)(fd);
  return place;
}

test('what is there is opened, what is missing is made', async () => {
  await mkdir(join(root, 'var'));
  expect(await reach('/var/tmp/deep')).toBe(join(root, 'var/tmp/deep'));
  expect((await stat(join(root, 'var/tmp'))).mode & 0o777).toBe(0o755);
  expect(await reach('/')).toBe(root);
});

test.each(['/etc', '..', '.', '../../..', 'loop'])(
  'a link to %s in the way is set aside, not followed',
  async (to) => {
    await symlink(to, join(root, 'loop'));
    expect(await reach('/loop/tmp')).toBe(join(root, 'loop/tmp'));
    expect(await readlink(join(root, 'loop.replaced'))).toBe(to);
    expect(await readdir(outside)).toEqual(['root']);
  },
);

test('a file in the way is set aside and kept', async () => {
  await writeFile(join(root, 'home'), 'precious');
  expect(await reach('/home')).toBe(join(root, 'home'));
  expect((await lstat(join(root, 'home.replaced'))).size).toBe(8);
});

test('a directory of the name it would get does not keep it there', async () => {
  await symlink('/', join(root, 'home'));
  await mkdir(join(root, 'home.replaced/full'), { recursive: true });
  expect(await reach('/home')).toBe(join(root, 'home'));
  const aside = (await readdir(root)).find((name) => name.startsWith('home.replaced-')) ?? '';
  expect(await readlink(join(root, aside))).toBe('/');
});

test('nothing leads out', async () => {
  await expect(reach('/../outside')).rejects.toBeInstanceOf(KernelError);
  expect(await readdir(outside)).toEqual(['root']);
});

test("one of the host's root was left by a daemon killed in the making: it is the domain's; others keep their owner", async () => {
  const [domain, user] = [70_000, 71_000];
  await mkdir(join(root, 'rw'));
  await mkdir(join(root, 'rw/home'));
  await chown(join(root, 'rw'), user, user);
  await reach('/rw/home', domain);
  expect((await stat(join(root, 'rw/home'))).uid).toBe(domain);
  expect((await stat(join(root, 'rw'))).uid).toBe(user);
});
