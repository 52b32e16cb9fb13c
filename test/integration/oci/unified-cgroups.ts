/** Takes one process through the life of a domain's group. Run where /sys/fs/cgroup is the unified hierarchy. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cgroups } from '../../../src/hypervisor/oci/cgroups.ts';

const parent = 'bulkhead-test-unified';
const id = randomUUID();
const group = `/sys/fs/cgroup/${parent}/${id}`;
const cgroups = await Cgroups.detect(parent);
assert.equal(cgroups.pathOf(id), `/${parent}/${id}`);
assert.equal(await cgroups.isPopulated(id), false);

const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
const exited = once(child, 'exit');
try {
  await mkdir(group, { recursive: true });
  await writeFile(`${group}/cgroup.procs`, String(child.pid));
  assert.equal(await cgroups.isPopulated(id), true);
  await cgroups.freeze(id);
  while (!(await cgroups.isFrozen(id))) await sleep(1);
  await cgroups.thaw(id);
  while (await cgroups.isFrozen(id)) await sleep(1);
  await cgroups.freeze(id);
  await cgroups.kill(id, 5000); // also while it is frozen
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  assert.equal(await cgroups.isPopulated(id), false);
  await cgroups.remove(id);
  await assert.rejects(access(group));
  await cgroups.remove(id);
  console.log('populated frozen thawed killed removed');
} finally {
  child.kill('SIGKILL');
  await cgroups.remove(id);
  await rmdir(`/sys/fs/cgroup/${parent}`);
}
