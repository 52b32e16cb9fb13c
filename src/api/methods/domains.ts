/** Which domains there are; making and removing them. */

import { createDisposable, createDomain } from '../../app/create.ts';
import { ProtocolError } from '../../base/errors.ts';
import type { BaseVM } from '../../vm/base-vm.ts';
import { BaseVMMeta } from '../../vm/base-vm-meta.ts';
import { QubesVM } from '../../vm/qubes-vm.ts';
import type { Call, Handler } from '../call.ts';
import { METHODS } from '../contract/methods.ts';
import { pairsPayload } from '../payload.ts';

const POOL_KEY = /^pool(?::(root|private|volatile|kernel))?$/;

export const domains: Record<string, Handler> = {
  'admin.vmclass.List': ({ visible }) =>
    visible(BaseVMMeta.names())
      .map((name) => `${name}\n`)
      .join(''),

  'admin.vm.List'({ system, destination, visible }) {
    const listed = destination === system.adminVM ? system.domains.sorted : [destination];
    let answer = '';
    for (const vm of visible(listed))
      answer += `${vm.name} class=${vm.klass} state=${vm.powerState} uuid=${vm.uuid}\n`;
    return answer;
  },

  ...forEveryClass('admin.vm.Create.', (call, untrustedClass) => {
    const { name, label } = pairsPayload(call.untrustedPayload, (key) => key === 'name' || key === 'label');
    return create(call, untrustedClass, name, label);
  }),

  ...forEveryClass('admin.vm.CreateInPool.', (call, untrustedClass) => {
    const { name, label, ...pools } = pairsPayload(
      call.untrustedPayload,
      (key) => key === 'name' || key === 'label' || POOL_KEY.test(key),
    );
    return create(call, untrustedClass, name, label, poolsByVolume(pools));
  }),

  async 'admin.vm.CreateDisposable'({ system, destination, source }) {
    const base = destination === system.adminVM ? system.default_dispvm : destination;
    const vm = await createDisposable(system, base, (change, made) =>
      made.tags.add(change, `disp-created-by-${source.name}`),
    );
    return vm.name;
  },

  async 'admin.vm.Remove'({ destination }) {
    await startable(destination).remove();
    return '';
  },
};

/** The handlers of the methods the table lists for each class. */
function forEveryClass(
  prefix: string,
  handle: (call: Call, untrustedClass: string) => Promise<string>,
): Record<string, Handler> {
  const names = Object.keys(METHODS).filter((name) => name.startsWith(prefix));
  return Object.fromEntries(
    names.map((name) => [name, (call: Call) => handle(call, name.slice(prefix.length))]),
  );
}

async function create(
  call: Call,
  untrustedClass: string,
  untrustedName: string | undefined,
  untrustedLabel: string | undefined,
  pools: Readonly<Record<string, string>> = {},
): Promise<string> {
  if (!untrustedName || !untrustedLabel) throw new ProtocolError('Expected name=NAME and label=LABEL');
  await createDomain(call.system, {
    untrustedClass,
    untrustedName,
    untrustedLabel,
    untrustedTemplate: call.untrustedArgument,
    pools,
    alsoDo: (change, vm) => vm.tags.add(change, `created-by-${call.source.name}`),
  });
  return '';
}

/** `pool=x` is for all volumes, `pool:private=x` for one; not both. */
function poolsByVolume(untrustedPools: Readonly<Record<string, string>>): Record<string, string> {
  const { pool, ...single } = untrustedPools;
  if (pool !== undefined && Object.keys(single).length > 0)
    throw new ProtocolError("Give either 'pool' or 'pool:VOLUME', not both");
  if (pool !== undefined) return { root: pool, private: pool, volatile: pool };
  return Object.fromEntries(Object.entries(single).map(([key, value]) => [key.slice('pool:'.length), value]));
}

/** The domain as one that can be started and stopped. Throws ProtocolError for the AdminVM and a RemoteVM. */
export function startable(vm: BaseVM): QubesVM {
  if (!(vm instanceof QubesVM))
    throw new ProtocolError(`A ${vm.klass} cannot be started, stopped or removed from here`);
  return vm;
}
