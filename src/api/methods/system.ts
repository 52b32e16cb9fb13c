/** What is served about the system as a whole, beyond Qubes: status, checks, templates. */

import { buildTemplate } from '../../app/build-template.ts';
import { checkSystem } from '../../app/check.ts';
import { printable, QubesValueError } from '../../base/errors.ts';
import type { Handler } from '../call.ts';
import { startable } from './domains.ts';

export const system = {
  async 'bulkhead.Status'({ system }) {
    const engines = system.hypervisors.map(async ({ name, modes, missing }, at) => ({
      name,
      modes,
      missing: await missing.call(system.hypervisors[at]),
    }));
    return JSON.stringify({
      version: system.version,
      pid: process.pid,
      domains: system.domains.size,
      started: system.started.size,
      engines: await Promise.all(engines),
    });
  },

  'bulkhead.Check': async ({ system }) => JSON.stringify({ problems: await checkSystem(system) }),

  async 'bulkhead.template.Build'({ system, destination, untrustedArgument }) {
    const source = system.templateSources.find(({ name }) => name === untrustedArgument);
    if (!source)
      throw new QubesValueError(
        `A template cannot be built from '${printable(untrustedArgument)}'; it can from ${system.templateSources.map(({ name }) => name).join(', ')}`,
      );
    await buildTemplate(system, startable(destination), source);
    return '';
  },
} satisfies Record<string, Handler>;
