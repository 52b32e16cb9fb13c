import type { DomainSpec } from '../hypervisor.ts';

/**
 * The runtime's description of a domain, as `config.json` of an OCI bundle (OCI runtime specification 1.0).
 * Pure: a spec in, an object out.
 */

/** Descriptors handed to the container's first process, behind its three streams. */
export const AGENT_SOCKET_FD = 3;
export const AGENT_PROGRAM_FD = 4;
export const PRESERVED_FDS = 2;

const MIB = 1024 * 1024;
const CPU_PERIOD = 100_000;
const OPEN_FILES_SOFT = 1024;

/**
 * What root inside may do beyond its files' owner: to the files, accounts and processes of its own domain. Nothing
 * that speaks to the machine: no mounts, devices, raw sockets, tracing, audit, modules.
 */
const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_SETGID',
  'CAP_SETUID',
];

/** Of /proc and /sys: what speaks of the machine more than of the domain, or lets it be changed. */
const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/kmsg',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/cgroup',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The most a domain may use, from its properties; `processes` counts threads too. */
export function limitsOf(limits: Pick<DomainSpec, 'memory' | 'maxmem' | 'vcpus'>, processes: number): object {
  const memory = Math.max(limits.memory, limits.maxmem) * MIB;
  return {
    memory: { limit: memory, swap: memory },
    cpu: { quota: limits.vcpus * CPU_PERIOD, period: CPU_PERIOD },
    pids: { limit: processes },
  };
}

export interface BundleOptions {
  readonly cgroupsPath: string;
  /** The daemon's own hard limit of open files: a container can't have more. */
  readonly openFilesMax: number;
  readonly processes: number;
}

/** `config.json` for a domain whose file system is at `rootfs` in the bundle. */
export function bundleConfig(spec: DomainSpec, options: BundleOptions): object {
  const idMapping = { containerID: 0, hostID: spec.ids.start, size: spec.ids.length };
  return {
    ociVersion: '1.0.2',
    hostname: spec.name,
    root: { path: 'rootfs', readonly: false },
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: [`/proc/self/fd/${AGENT_PROGRAM_FD}`, '--init', spec.defaultUser],
      env: [],
      cwd: '/',
      noNewPrivileges: true,
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [
        {
          type: 'RLIMIT_NOFILE',
          soft: Math.min(OPEN_FILES_SOFT, options.openFilesMax),
          hard: options.openFilesMax,
        },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      ],
    },
    mounts: mountsOf(spec),
    linux: {
      namespaces: ['pid', 'mount', 'network', 'uts', 'ipc', 'cgroup', 'user'].map((type) => ({ type })),
      uidMappings: [idMapping],
      gidMappings: [idMapping],
      cgroupsPath: options.cgroupsPath,
      rootfsPropagation: 'rprivate', // the host takes its mounts away once the container has its own
      resources: { ...limitsOf(spec, options.processes), devices: [{ allow: false, access: 'rwm' }] },
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
    },
  };
}

function mountsOf(spec: DomainSpec): object[] {
  const memory = Math.max(spec.memory, spec.maxmem);
  const share = (part: number) => `size=${Math.max(1, Math.floor(memory / part))}m`;
  const guarded = ['nosuid', 'nodev'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: [...guarded, 'noexec'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...guarded, 'noexec', 'mode=1777', share(4)],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: [...guarded, 'noexec'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...guarded, 'noexec', 'ro'] },
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: [...guarded, 'mode=1777', share(2)] },
    { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: [...guarded, 'mode=755', share(8)] },
  ];
}
