import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Qubes } from '../app/qubes.ts';
import { SqliteStore } from '../app/store/sqlite/store.ts';
import type { Log } from '../base/log.ts';
import type { SystemPaths } from '../base/paths.ts';
import { idOffsetOf } from '../hypervisor/id-range.ts';
import { OciHypervisor } from '../hypervisor/oci/oci-hypervisor.ts';
import { dirDriver } from '../storage/dir/driver.ts';
import { debianTemplate } from '../storage/template/debian.ts';
import { hostTemplate } from '../storage/template/host.ts';
import { version } from './version.ts';

/** A system and what holds its state, put together but not loaded. */
export interface Composed {
  readonly system: Qubes;
  readonly store: SqliteStore;
}

/** Settings of the daemon from its environment. */
export interface Settings extends SystemPaths {
  /** The OCI runtime to use. */
  readonly ociRuntime: string;
}

/** The only place that knows which engines, drivers and stores there are. */
export function compose({ state, run, ociRuntime }: Settings, log: Log): Composed {
  const store = new SqliteStore({ directory: state, log });
  const agent = fileURLToPath(new URL('../../agent/build/bulkhead-agent', import.meta.url));
  const system = new Qubes({
    store,
    hypervisors: [new OciHypervisor({ runDirectory: `${run}/oci`, runtime: ociRuntime, agent, log })],
    poolDrivers: [dirDriver],
    templateSources: [hostTemplate(), debianTemplate()],
    version: version(),
    idOffset: idOffsetOf(state),
    log,
    host: { memory: Math.floor(totalmem() / 2 ** 20), cpus: cpus().length },
  });
  return { system, store };
}
