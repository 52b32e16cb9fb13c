import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { requireRoot } from './fixture.ts';

/**
 * The control groups of a machine with only the unified hierarchy: seen in a mount namespace of its own, in which
 * that hierarchy is mounted where such a machine has it.
 */
test('on a purely unified hierarchy groups are watched, frozen, killed and removed', async () => {
  requireRoot();
  const steps = `
    mount --make-rprivate /
    if [ -d /sys/fs/cgroup/unified ]; then mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup; fi
    exec "$0" "$1"`;
  const script = `${import.meta.dirname}/unified-cgroups.ts`;
  const child = spawn('unshare', ['-m', 'sh', '-e', '-c', steps, process.execPath, script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      printed += chunk;
    });
  const [code] = await once(child, 'close');
  expect({ code, printed }).toEqual({ code: 0, printed: 'populated frozen thawed killed removed\n' });
});
