import { access, constants, readFile, stat } from 'node:fs/promises';
import { messageOf } from '../../base/errors.ts';
import { runProgram } from './run-program.ts';

const DEADLINE = 5_000;
/** Runtimes that take open descriptors for the container's first process, which our agent needs. */
const FITTING = /\b(runc|crun) version (\d+)\.(\d+)/;

/** What keeps containers from working here: each a reason and its remedy. Nothing when all is well. */
export async function missingRequirements(runtime: string, agent: string): Promise<readonly string[]> {
  const all = await Promise.all([
    lackOfRights(),
    lackOfRuntime(runtime),
    lackOfAgent(agent),
    lackOfOverlay(),
    lackOfCgroups(),
  ]);
  return all.filter((reason) => reason !== undefined);
}

type Lack = Promise<string | undefined>;

async function lackOfRuntime(runtime: string): Lack {
  try {
    const { stdout } = await runProgram([runtime, '--version'], { deadline: DEADLINE });
    if (FITTING.test(stdout)) return undefined;
    return `the runtime '${runtime}' is neither runc nor crun, and cannot pass the agent its socket: use one of these`;
  } catch (thrown) {
    return `${messageOf(thrown)}: run scripts/setup-host, or install the package 'runc'`;
  }
}

async function lackOfAgent(agent: string): Lack {
  return access(agent, constants.X_OK).then(
    () => undefined,
    () => `the agent '${agent}' is not built: run scripts/setup-host`,
  );
}

async function lackOfOverlay(): Lack {
  const known = await readFile('/proc/filesystems', 'utf8');
  if (/\toverlay$/m.test(known)) return undefined;
  return "the kernel has no overlay file system: run 'modprobe overlay'";
}

async function lackOfCgroups(): Lack {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  if (/ \/sys\/fs\/cgroup(\/\S*)? .* - cgroup2? /m.test(mounts)) return undefined;
  return "no control groups are mounted: run 'mount -t cgroup2 none /sys/fs/cgroup'";
}

/** An ordinary user's containers are not built yet; said together with what else would be in their way. */
async function lackOfRights(): Lack {
  if (process.geteuid?.() === 0) return undefined;
  const also = (
    await Promise.all([lackOfSubordinateIds(), lackOfNewuidmap(), lackOfUserNamespaces()])
  ).filter((reason) => reason !== undefined);
  const rest = also.length > 0 ? ` (and for later: ${also.join('; ')})` : '';
  return `the daemon is not root, and containers need it to be so far: start it as root${rest}`;
}

async function lackOfSubordinateIds(): Lack {
  const ranges = await readFile('/etc/subuid', 'utf8').catch(() => '');
  const user = process.env['USER'] ?? String(process.geteuid?.());
  if (ranges.split('\n').some((line) => line.startsWith(`${user}:`))) return undefined;
  return `no subordinate ids: run 'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}'`;
}

async function lackOfNewuidmap(): Lack {
  return stat('/usr/bin/newuidmap').then(
    () => undefined,
    () => "newuidmap is missing: install the package 'uidmap'",
  );
}

async function lackOfUserNamespaces(): Lack {
  const allowed = await readFile('/proc/sys/kernel/unprivileged_userns_clone', 'utf8').catch(() => '1');
  if (allowed.trim() !== '0') return undefined;
  return "user namespaces are switched off: run 'sysctl kernel.unprivileged_userns_clone=1'";
}
