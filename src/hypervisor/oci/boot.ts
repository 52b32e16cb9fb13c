import { open } from 'node:fs/promises';
import { messageOf, QubesVMError } from '../../base/errors.ts';
import type { DomainSpec } from '../hypervisor.ts';
import { AgentLink, type Watch } from './agent-link.ts';
import { bundleConfig } from './bundle.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { openFilesLimit } from './open-files-limit.ts';
import { mountRootFs } from './root-fs.ts';
import type { RunPlace } from './run-place.ts';
import type { UserNamespaces } from './user-namespaces.ts';

/** What a container is made with. */
export interface BootParts {
  readonly runtime: OciRuntime;
  readonly namespaces: UserNamespaces;
  /** Path of the agent's program. */
  readonly agent: string;
  /** Milliseconds for the agent to become ready. */
  readonly deadline: number;
  readonly processes: number;
}

/** The daemon's end of a running container. */
export interface Booted {
  readonly link: AgentLink;
  readonly watch: Watch;
}

/**
 * Makes a container at `place` and resolves when its agent is ready. When it rejects, some of it may be there: the
 * caller clears it away.
 */
export async function boot(
  spec: DomainSpec,
  place: RunPlace,
  cgroupsPath: string,
  parts: BootParts,
): Promise<Booted> {
  const { processes } = parts;
  await place.make(bundleConfig(spec, { cgroupsPath, openFilesMax: await openFilesLimit(), processes }));
  await mountRootFs(place.path, spec, parts.namespaces);
  const booted = await runContainer(spec.uuid, place, parts);
  await place.unmount(); // the container has its own
  return booted;
}

/** Both must succeed: the agent must answer, and the runtime must have done its part. */
async function runContainer(uuid: string, place: RunPlace, parts: BootParts): Promise<Booted> {
  const link = await AgentLink.at(place.agentSocket);
  const ran = await runRuntime(uuid, place, link, parts).catch(async (thrown) => {
    await link[Symbol.asyncDispose]();
    throw thrown;
  });
  const [runtime, watch] = await Promise.allSettled([ran.done, link.watch(parts.deadline)]);
  if (runtime.status === 'fulfilled' && watch.status === 'fulfilled') return { link, watch: watch.value };
  if (watch.status === 'fulfilled') watch.value[Symbol.dispose]();
  await link[Symbol.asyncDispose]();
  const reason = runtime.status === 'rejected' ? runtime.reason : (watch as PromiseRejectedResult).reason;
  throw new QubesVMError(`${messageOf(reason)}${await place.lastWords()}`);
}

/** Resolves once the runtime has been started; the descriptors are its own by then. `done` tells of its end. */
async function runRuntime(
  uuid: string,
  place: RunPlace,
  link: AgentLink,
  { runtime, agent }: BootParts,
): Promise<{ readonly done: Promise<void> }> {
  await using program = await open(agent, 'r');
  await using console = await open(place.consoleLog, 'a', 0o600);
  await using lock = await place.lock();
  using socket = link.listen();
  const done = runtime.run(uuid, place.path, {
    console: console.fd,
    agentSocket: socket.fd,
    agentProgram: program.fd,
    lock: lock.fd,
  });
  done.catch(() => undefined); // heard of by whoever waits for it
  return { done };
}
