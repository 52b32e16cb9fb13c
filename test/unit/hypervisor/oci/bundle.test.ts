import { expect, test } from 'vitest';
import type { DomainSpec } from '../../../../src/hypervisor/hypervisor.ts';
import { bundleConfig, limitsOf } from '../../../../src/hypervisor/oci/bundle.ts';

const SPEC: DomainSpec = {
  uuid: '6b1f0a3e-0000-4000-8000-000000000001',
  name: 'work',
  virtMode: 'container',
  memory: 400,
  maxmem: 1000,
  vcpus: 2,
  ids: { start: 5_000_000, length: 65_536 },
  defaultUser: 'user',
  volumes: {},
};

// biome-ignore lint/suspicious/noExplicitAny: the whole is checked piece by piece
const config: any = bundleConfig(SPEC, { cgroupsPath: '/bulkhead/x', openFilesMax: 4096, processes: 99 });

test('every namespace is the domain’s own, and none is joined', () => {
  expect(config.linux.namespaces).toEqual(
    ['pid', 'mount', 'network', 'uts', 'ipc', 'cgroup', 'user'].map((type) => ({ type })),
  );
});

test('ids map to the domain’s range and nothing else', () => {
  const range = [{ containerID: 0, hostID: 5_000_000, size: 65_536 }];
  expect(config.linux.uidMappings).toEqual(range);
  expect(config.linux.gidMappings).toEqual(range);
});

test('capabilities are the few listed, never inherited or ambient', () => {
  const { bounding, effective, permitted, ...others } = config.process.capabilities;
  expect(others).toEqual({});
  expect(effective).toEqual(bounding);
  expect(permitted).toEqual(bounding);
  for (const dangerous of [
    'SYS_ADMIN',
    'SYS_PTRACE',
    'NET_ADMIN',
    'NET_RAW',
    'MKNOD',
    'SYS_CHROOT',
    'SETFCAP',
  ])
    expect(bounding).not.toContain(`CAP_${dangerous}`);
});

test('no new privileges, no devices, no mount of the host’s', () => {
  expect(config.process.noNewPrivileges).toBe(true);
  expect(config.linux.resources.devices).toEqual([{ allow: false, access: 'rwm' }]);
  for (const { source, type, options } of config.mounts) {
    expect(type).not.toBe('bind');
    expect(source).not.toMatch(/^\//);
    expect(options).toContain('nosuid');
  }
});

test('limits are the larger of memory and maxmem, without swap beyond it', () => {
  expect(limitsOf(SPEC, 99)).toEqual({
    memory: { limit: 1000 * 1024 * 1024, swap: 1000 * 1024 * 1024 },
    cpu: { quota: 200_000, period: 100_000 },
    pids: { limit: 99 },
  });
  expect(limitsOf({ memory: 400, maxmem: 0, vcpus: 1 }, 1)).toMatchObject({
    memory: { limit: 400 * 1024 * 1024 },
  });
});

test('open files stay within the daemon’s own limit', () => {
  expect(config.process.rlimits[0]).toEqual({ type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096 });
});
