import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DomainSpec } from '../../../src/hypervisor/hypervisor.ts';
import { dirDriver } from '../../../src/storage/dir/driver.ts';
import { DirPool } from '../../../src/storage/dir/pool.ts';
import { hostTemplate } from '../../../src/storage/template/host.ts';
import { isTreeVolume } from '../../../src/storage/tree-source.ts';
import type { Attachment, VolumeConfig } from '../../../src/storage/volume.ts';
import { shell, Workshop } from './fixture.ts';

/** The engine on volumes of the real pool, with the machine's own programs: what a fresh system runs on. */

const GIB = 1024 ** 3;
const TEMPLATE: VolumeConfig = {
  name: 'root',
  vid: 'vm-templates/host/root',
  size: GIB,
  rw: true,
  snapOnStart: false,
  saveOnStop: true,
  revisionsToKeep: 1,
};
const CONFIGS: readonly VolumeConfig[] = [
  { ...TEMPLATE, vid: 'appvms/work/root', snapOnStart: true, saveOnStop: false, source: TEMPLATE.vid },
  { ...TEMPLATE, name: 'private', vid: 'appvms/work/private' },
  { ...TEMPLATE, name: 'volatile', vid: 'appvms/work/volatile', saveOnStop: false },
];
const IDS = { start: 4000 * 65_536, length: 65_536 };

let workshop: Workshop;
let pool: DirPool;
beforeAll(async () => {
  workshop = await Workshop.open();
  const opened = dirDriver.open('test', { dir_path: join(workshop.directory, 'pool') });
  if (!(opened instanceof DirPool)) throw new Error('not a dir pool');
  pool = opened;
  await pool.setup();
  const template = pool.volume(TEMPLATE);
  await template.create();
  if (!isTreeVolume(template)) throw new Error('not a tree volume');
  await template.populate(hostTemplate());
});
afterAll(async () => {
  await pool.idle();
  await workshop[Symbol.asyncDispose]();
});

/** One life of the domain: started on its volumes, visited, killed, its volumes stopped. */
async function live(uuid: string, visit: (spec: DomainSpec) => Promise<void>): Promise<void> {
  const volumes: Record<string, Attachment> = {};
  for (const config of CONFIGS) volumes[config.name] = await pool.volume(config).start(IDS);
  const spec = await workshop.spec({ uuid, ids: IDS, volumes });
  await workshop.hypervisor.start(spec);
  await visit(spec);
  await workshop.hypervisor.kill(uuid);
  await workshop.hypervisor.cleanUp(uuid);
  for (const config of CONFIGS) await pool.volume(config).stop();
}

const ROOT = { user: 'root' };

test('a domain on it runs, keeps its home and forgets the rest', async () => {
  const uuid = randomUUID();
  const { hypervisor } = workshop;
  for (const config of CONFIGS) await pool.volume(config).create();
  const seen: string[] = [];
  for (const round of [1, 2]) {
    await live(uuid, async (spec) => {
      const script =
        'id -un; ls -A ~ | grep -c kept; ls /etc | grep -c lost; python3 -c "print(1+1)"; bash -c "echo $0"';
      seen.push((await shell(hypervisor, spec, script)).stdout);
      expect((await shell(hypervisor, spec, 'touch ~/kept')).code).toBe(0);
      const lost = `touch /etc/lost /usr/lib/lost; ls /home`;
      expect((await shell(hypervisor, spec, lost, ROOT)).stdout).toBe('user\n');
    });
    expect(seen).toHaveLength(round);
  }
  expect(seen).toEqual(['user\n0\n0\n2\nsh\n', 'user\n1\n0\n2\nsh\n']);
});

test('a home that a boot cut short left half made is finished by the next', async () => {
  const uuid = randomUUID();
  const { hypervisor } = workshop;
  await live(uuid, async (spec) => {
    const cutShort = 'rm -rf /home/user; mkdir -m 700 /home/user.new; echo half > /home/user.new/.bashrc';
    expect((await shell(hypervisor, spec, cutShort, ROOT)).code).toBe(0);
  });
  await live(uuid, async (spec) => {
    const look = 'stat -c "%a %U" ~; ls /home; grep -s half ~/.bashrc; touch ~/x && echo whole';
    expect((await shell(hypervisor, spec, look)).stdout).toBe('700 user\nuser\nwhole\n');
  });
});
