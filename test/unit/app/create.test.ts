import { beforeEach, describe, expect, test } from 'vitest';
import { createDisposable, createDomain } from '../../../src/app/create.ts';
import { QubesVMAlreadyExistsError, StoragePoolException } from '../../../src/base/errors.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { smallSystem } from '../../support/api.ts';
import { fails } from '../../support/memory-parts.ts';
import type { Model } from '../../support/model.ts';

let model: Model;
beforeEach(async () => {
  model = await smallSystem();
});

const create = (untrustedClass: string, untrustedName: string, untrustedTemplate = 'base', more = {}) =>
  createDomain(model.system, {
    untrustedClass,
    untrustedName,
    untrustedLabel: 'blue',
    untrustedTemplate,
    ...more,
  });

/** Everything a failed creation might leave behind. */
async function traces() {
  const { system, disk, disks } = model;
  const qid = system.domains.takeQid();
  system.domains.releaseQid(qid);
  return {
    domains: system.domains.sorted.map(({ name }) => name),
    records: new Map(disk.records),
    volumes: await disks.volumes(),
    unfinished: system.operations.unfinished,
    usersOf: ['base', 'dvm', 'gateway'].map((name) => system.domain(name).referrers.by('template').length),
    blue: [...system.label('blue').referrers.entries()].length,
    nextQid: qid,
  };
}

describe('a creation that fails leaves nothing', () => {
  test.each([
    ['its class', () => create('Toaster', 'new')],
    ['its name', () => create('AppVM', 'a b')],
    [
      'its label',
      () =>
        createDomain(model.system, {
          untrustedClass: 'AppVM',
          untrustedName: 'new',
          untrustedLabel: 'mauve',
          untrustedTemplate: 'base',
        }),
    ],
    ['its template', () => create('AppVM', 'new', 'nobody')],
    ['the kind of its template', () => create('AppVM', 'new', 'work')],
    ['the kind of its disposable template', () => create('DispVM', 'new', 'work')],
    ['its pool', () => create('AppVM', 'new', 'base', { pools: { private: 'slow' } })],
    ['what else was to be done', () => create('AppVM', 'new', 'base', { alsoDo: fails('no') })],
  ] as const)('because of %s', async (_, attempt) => {
    const before = await traces();
    await expect(attempt()).rejects.toThrow();
    expect(await traces()).toEqual(before);
  });

  test('because a volume cannot be made', async () => {
    const before = await traces();
    model.disks.onStep = (step, vid) => {
      if (step === 'create' && vid.endsWith('/private')) throw new StoragePoolException('disk full');
    };
    await expect(create('StandaloneVM', 'new', '')).rejects.toThrow('disk full');
    expect(await traces()).toEqual(before);
  });

  test('because the journal cannot be written', async () => {
    const before = await traces();
    model.disk.capacity = 1;
    await expect(create('AppVM', 'new')).rejects.toThrow('disk full');
    expect(await traces()).toEqual(before);
  });

  test('because the domain cannot be stored', async () => {
    const before = await traces();
    model.disks.onStep = (step) => {
      model.disk.capacity = step === 'create' ? 1 : Number.POSITIVE_INFINITY;
    };
    await expect(create('AppVM', 'new')).rejects.toThrow('disk full');
    expect(await traces()).toEqual(before);
  });

  test('but what the journal keeps for the next start, when it cannot even be undone', async () => {
    model.disks.onStep = (step) => {
      if (step === 'create') model.disk.capacity = 1;
      else throw new StoragePoolException('disk full');
    };
    await expect(create('AppVM', 'new')).rejects.toThrow('disk full');
    expect(model.log.trouble.join()).toContain('could not undo the creation of a domain domain=new');
    expect(model.system.domain('base').referrers.by('template')).toHaveLength(3);
    model.disks.onStep = () => {};
    model.disk.capacity = Number.POSITIVE_INFINITY;
    expect((await model.disks.volumes()).join()).toContain('appvms/new');
    model = await model.recovered();
    expect((await model.disks.volumes()).join()).not.toContain('appvms/new');
    expect(model.system.operations.unfinished).toEqual([]);
  });
});

test('a refused creation touches no volume, not even one of that name', async () => {
  const steps: string[] = [];
  model.disks.onStep = (step, vid) => void steps.push(`${step} ${vid}`);
  await expect(create('AppVM', 'work')).rejects.toThrow(QubesVMAlreadyExistsError);
  await expect(create('AppVM', 'new', 'nobody')).rejects.toThrow();
  await expect(create('AppVM', 'new', 'base', { pools: { private: 'slow' } })).rejects.toThrow();
  expect(steps).toEqual([]);
});

test('of two of one name made at once, one is made', async () => {
  const results = await Promise.allSettled([create('AppVM', 'new'), create('AppVM', 'new')]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(model.system.domain('new').klass).toBe('AppVM');
});

test('a name is free again when its creation has failed', async () => {
  await expect(create('AppVM', 'new', 'nobody')).rejects.toThrow();
  expect((await create('AppVM', 'new')).name).toBe('new');
});

test('it is announced when it is durable, first of the system, then of the domain', async () => {
  const heard = await model.heard(() =>
    create('AppVM', 'new', 'base', {
      alsoDo: (change: never, vm: BaseVM) => vm.tags.add(change, 'mine'),
    }),
  );
  expect(heard).toEqual([' domain-add', 'new domain-tag-add:mine', 'new domain-create-on-disk']);
});

test('volumes stay where they were made, whatever becomes the default pool', async () => {
  await model.system.change((change) => model.system.pools.add(change, 'fast', 'memory', {}));
  const made = (await create('AppVM', 'new')) as QubesVM;
  await model.system.change((change) =>
    model.system.setText(change, model.system.property('default_pool'), 'fast'),
  );
  expect(made.volumes.poolName('private')).toBe('varlibqubes');
  expect(((await create('AppVM', 'newer')) as QubesVM).volumes.poolName('private')).toBe('fast');
});

describe('volumes of an earlier domain that could not be removed', () => {
  const remove = async () => {
    model.disks.onStep = (step) => {
      if (step === 'remove') throw new StoragePoolException('busy');
    };
    await expect((model.system.domain('work') as QubesVM).remove()).rejects.toThrow('busy');
    model.disks.onStep = () => {};
  };

  test('do not become those of a new one of its name', async () => {
    await remove();
    await expect(create('AppVM', 'work')).rejects.toThrow(
      'Volume appvms/work/private of an earlier domain named work has not been removed yet; restart the daemon to have that done',
    );
    model = await model.recovered();
    expect((await model.disks.volumes()).join()).not.toContain('appvms/work');
    expect((await create('AppVM', 'work')).name).toBe('work');
  });

  test('are not looked for in a new one', async () => {
    await remove();
    await create('AppVM', 'work').catch(() => {});
    model = await model.recovered();
    await create('AppVM', 'work');
    model = await model.recovered();
    expect((await model.disks.volumes()).join()).toContain('appvms/work/private');
  });
});

describe('a disposable', () => {
  const disposable = async () => createDisposable(model.system, model.system.domain('dvm'));

  test('is set up like what it is made from', async () => {
    const dvm = model.system.domain('dvm');
    for (const [name, value] of [
      ['netvm', 'gateway'],
      ['memory', '500'],
      ['label', 'green'],
      ['autostart', 'True'],
      ['default_user', 'me'],
    ] as const)
      await model.set(dvm, name, value);
    await model.system.change((change) => dvm.features.set(change, 'gui', '1'));
    const made = await disposable();
    expect(
      [
        'netvm',
        'memory',
        'label',
        'autostart',
        'default_user',
        'auto_cleanup',
        'default_dispvm',
        'template',
      ].map((name) => model.get(made, name)),
    ).toEqual(['gateway', '500', 'green', 'False', 'me', 'True', 'dvm', 'dvm']);
    expect([...made.features.entries()]).toEqual([['gui', '1']]);
    expect([made.volumes.kept, made.worthBackingUp]).toEqual([[], false]);
  });

  test('is removed when it stops, and its number is free again', async () => {
    const made = await disposable();
    await made.start();
    await made.kill();
    expect(model.system.domains.find(made.name)).toBeUndefined();
    expect([...model.disk.records.keys()].filter((key) => key.includes(made.uuid))).toEqual([]);
    expect(model.system.domains.isDispidFree(made.dispid)).toBe(true);
  });

  test('that was named and does not clean up stays', async () => {
    const made = (await create('DispVM', 'named', 'dvm')) as QubesVM;
    await made.start();
    await made.kill();
    expect(model.system.domain('named')).toBe(made);
    expect(model.get(made, 'auto_cleanup')).toBe('False');
  });

  test('that a domain uses as its netvm stays until it does not', async () => {
    const made = await disposable();
    await model.set(made, 'provides_network', 'True');
    await model.set(model.system.domain('work'), 'netvm', made.name);
    await made.start();
    await made.kill();
    expect(model.system.domain(made.name)).toBe(made);
    expect(model.log.trouble.join()).toContain('a disposable could not be removed');
  });

  test('that cannot be made takes no number with it', async () => {
    await expect(createDisposable(model.system, model.system.domain('work'))).rejects.toThrow();
    await expect(createDisposable(model.system, null)).rejects.toThrow('no default_dispvm');
    const taken = Array.from({ length: 10_000 }, (_, at) => at + 1).filter(
      (id) => !model.system.domains.isDispidFree(id),
    );
    expect(taken).toEqual([]);
  });

  test('keeps its number across a restart, so that no other gets its address', async () => {
    const named = await create('DispVM', 'named', 'dvm');
    model = await model.restarted();
    expect(model.system.domains.isDispidFree(named.dispid as number)).toBe(false);
  });
});
