import type { Duplex } from 'node:stream';
import type { Attachment, IdRange } from '../storage/volume.ts';

/** How a domain is isolated. `container` is ours; the others are Qubes' and belong to libvirt engines. */
export const VIRT_MODES = ['container', 'pvh', 'hvm', 'pv'] as const;
export type VirtMode = (typeof VIRT_MODES)[number];

/** All an engine needs to run a domain; nothing in it refers back to the model. */
export interface DomainSpec {
  readonly uuid: string;
  readonly name: string;
  readonly virtMode: VirtMode;
  /** MiB; the limit is `maxmem` where it is larger. */
  readonly memory: number;
  readonly maxmem: number;
  readonly vcpus: number;
  readonly ids: IdRange;
  /** The account commands run as by default; made to exist at start. */
  readonly defaultUser: string;
  readonly volumes: Readonly<Record<string, Attachment>>;
}

/** What the engine knows of a domain it was once told to start. */
export type EngineState = 'running' | 'paused' | 'halted';

/** A command in a running domain. */
export interface ExecRequest {
  readonly argv: readonly [string, ...string[]];
  /** The domain's `default_user` when not given. */
  readonly user?: string;
  /** The user's home when not given. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** With a terminal of this size instead of three pipes. */
  readonly terminal?: { readonly rows: number; readonly columns: number; readonly type: string };
}

/** Told when a domain stops without having been asked: its init died, it was killed from outside. */
export type StoppedListener = (uuid: string) => void;

/**
 * An isolation engine. One folder each beside this file; each passes `test/contract/hypervisor.contract.ts`.
 *
 * Every method has a deadline of its own and rejects with a QubesException that says which program did not answer;
 * none blocks the event loop. Methods on one domain are never called at the same time (the domain's queue sees to
 * that), except `state`, `exec` and `kill`, which may come at any time. All take the domain's uuid.
 */
export interface Hypervisor extends AsyncDisposable {
  /** `oci`, `libvirt`, `memory`. */
  readonly name: string;
  readonly modes: readonly VirtMode[];
  /** What keeps this engine from working on this machine, each with its remedy; empty when all is well. Cached. */
  missing(): Promise<readonly string[]>;
  /** Boots a domain and resolves when commands can be run in it. Leaves nothing behind when it rejects. */
  start(spec: DomainSpec): Promise<void>;
  /** Takes over a domain that outlived an earlier daemon. Resolves to its state, `halted` when there is none. */
  adopt(uuid: string): Promise<EngineState>;
  /** Asks the domain's init to stop and resolves once asked. `StoppedListener` tells when it has. */
  requestShutdown(uuid: string): Promise<void>;
  /** Stops it at once. Resolves when no process of it is left. Harmless when it is not running. */
  kill(uuid: string): Promise<void>;
  pause(uuid: string): Promise<void>;
  unpause(uuid: string): Promise<void>;
  /** Removes what a stopped domain left with the engine: mounts, cgroups, run files. Harmless to repeat. */
  cleanUp(uuid: string): Promise<void>;
  /** Applies new limits to a running domain. */
  setLimits(uuid: string, limits: Pick<DomainSpec, 'memory' | 'maxmem' | 'vcpus'>): Promise<void>;
  /** Runs a command; the stream carries frames of `base/frames` (requests excluded) both ways. */
  exec(uuid: string, request: ExecRequest): Promise<Duplex>;
  /** The domain's console: what it printed so far, then live; bytes, not frames. */
  console(uuid: string): Promise<Duplex>;
  /** For statistics: bytes of memory in use, nanoseconds of cpu time used. */
  stats(uuid: string): Promise<{ readonly memory: number; readonly cpuTime: bigint }>;
  onStopped(listener: StoppedListener): Disposable;
}
