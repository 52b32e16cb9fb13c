import { beforeEach, describe, expect, test } from 'vitest';
import { createDisposable } from '../../../src/app/create.ts';
import { autostart, ONE_COMMAND_TAG, recover } from '../../../src/app/recovery.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { smallSystem } from '../../support/api.ts';
import { fails, onCall } from '../../support/memory-parts.ts';
import type { Model } from '../../support/model.ts';

let model: Model;
let work: QubesVM;
beforeEach(async () => {
  model = await smallSystem();
  work = model.system.domain('work') as QubesVM;
});

const found = (later: Model, name = 'work') => later.system.domain(name) as QubesVM;
const kinds = (later: Model) =>
  later.system.operations.unfinished.map(({ kind, name }) => `${kind} ${name}`).sort();
/** Restarts with one operation more in the journal. */
function withOperation(uuid: string, text: string): Promise<Model> {
  model.disk.records.set(`operation/${uuid}`, text);
  return model.recovered();
}
const NOBODY = '11111111-1111-4111-8111-111111111111';

describe('a domain that was running', () => {
  test('goes on, and can be stopped', async () => {
    await work.start();
    const later = await model.recovered();
    expect(found(later).powerState).toBe('Running');
    expect(found(later).startTime).not.toBeNull();
    await found(later).shutdown({ wait: true });
    expect(kinds(later)).toEqual(['run gateway']);
  });

  test('and has ended meanwhile is cleaned up after', async () => {
    await work.start();
    model.machine.end(work.uuid);
    const later = await model.recovered();
    expect([found(later).powerState, kinds(later)]).toEqual(['Halted', ['run gateway']]);
  });

  test('and that the engine knows nothing of is crashed, and holds up nobody', async () => {
    await work.start();
    const later = await model.restarted();
    using _broken = onCall(later.hypervisor, 'adopt', (uuid) =>
      uuid === work.uuid ? fails('unreachable')() : undefined,
    );
    await recover(later.system);
    expect([found(later).powerState, found(later, 'gateway').powerState]).toEqual(['Crashed', 'Running']);
    expect(later.log.trouble.join()).toContain('unreachable');
    await found(later).start();
    expect(found(later).powerState).toBe('Running');
  });

  test('and whose record is broken is stopped', async () => {
    await work.start();
    const key = `domain/${work.uuid}` as const;
    model.disk.records.set(key, (model.disk.records.get(key) as string).replace('AppVM', 'Toaster'));
    const later = await model.recovered();
    expect([later.machine.domains.has(work.uuid), kinds(later), found(later).powerState]).toEqual([
      false,
      ['run gateway'],
      'NA',
    ]);
  });

  test('and has no record any more is stopped', async () => {
    await work.start();
    model.disk.records.delete(`domain/${work.uuid}`);
    const later = await model.recovered();
    expect([later.machine.domains.has(work.uuid), kinds(later)]).toEqual([false, ['run gateway']]);
    expect(later.system.domains.isQidFree(work.qid)).toBe(true);
  });

  test('and has no record any more and cannot be stopped keeps its ids from others', async () => {
    await work.start();
    model.disk.records.delete(`domain/${work.uuid}`);
    const later = await model.restarted();
    using _broken = onCall(later.hypervisor, 'kill', fails('stuck'));
    await recover(later.system);
    expect(later.system.domains.isQidFree(work.qid)).toBe(false);
    expect(later.system.operations.unfinished.map(({ uuid }) => uuid)).toContain(work.uuid);
  });
});

describe('a disposable', () => {
  test('that was made and not started is removed', async () => {
    const { name } = await createDisposable(model.system, found(model, 'dvm'));
    const later = await model.recovered();
    expect(later.system.domains.find(name)).toBeUndefined();
  });

  test('that ended meanwhile is removed', async () => {
    const made = await createDisposable(model.system, found(model, 'dvm'));
    await made.start();
    model.machine.end(made.uuid);
    const later = await model.recovered();
    expect([later.system.domains.find(made.name), kinds(later)]).toEqual([undefined, []]);
  });

  test('that runs goes on, unless it was for one command', async () => {
    const one = await createDisposable(model.system, found(model, 'dvm'));
    const two = await createDisposable(model.system, found(model, 'dvm'), (change, vm) =>
      vm.tags.add(change, ONE_COMMAND_TAG),
    );
    await one.start();
    await two.start();
    const later = await model.recovered();
    expect([found(later, one.name).powerState, later.system.domains.find(two.name)]).toEqual([
      'Running',
      undefined,
    ]);
  });

  test('that cannot be removed is told of, and stays', async () => {
    const made = await createDisposable(model.system, found(model, 'dvm'));
    const later = await model.restarted();
    using _veto = later.system.events.on('domain-pre-delete', fails('not today'));
    await recover(later.system);
    expect(later.system.domains.find(made.name)).toBeDefined();
    expect(later.log.trouble.join()).toContain('not today');
  });
});

describe('the journal', () => {
  const volume = '<volume name="private" pool="varlibqubes" vid="appvms/half/private"/>';
  const make = async () => {
    const pool = model.system.pool('varlibqubes');
    await pool
      .volume({
        name: 'private',
        vid: 'appvms/half/private',
        size: 1,
        rw: true,
        snapOnStart: false,
        saveOnStop: true,
        revisionsToKeep: 0,
      })
      .create();
  };

  test.each(['create', 'remove'])(
    'has volumes of an unfinished %s removed, and its number given back',
    async (kind) => {
      await make();
      const later = await withOperation(
        NOBODY,
        `<operation kind="${kind}" qid="77" name="half">${volume}</operation>`,
      );
      expect((await later.disks.volumes()).join()).not.toContain('half');
      expect([kinds(later), later.system.domains.isQidFree(77)]).toEqual([[], true]);
    },
  );

  test('keeps what could not be removed, and its number', async () => {
    await make();
    model.disks.onStep = (step) => (step === 'remove' ? fails('busy')() : undefined);
    const later = await withOperation(
      NOBODY,
      `<operation kind="remove" qid="77" name="half">${volume}</operation>`,
    );
    expect([kinds(later), later.system.domains.isQidFree(77)]).toEqual([['remove half'], false]);
    expect(later.log.trouble.join()).toContain('could not settle an unfinished operation');
  });

  test('has the volumes of an imported domain made', async () => {
    await work.volumes.kept[0]?.remove();
    const later = await withOperation(work.uuid, `<operation kind="create" qid="${work.qid}" name="work"/>`);
    expect((await later.disks.volumes()).join()).toContain('appvms/work/private');
    expect(kinds(later)).toEqual([]);
  });

  test.each([
    ['no XML', '<operation'],
    ['of an unknown kind', `<operation kind="sabotage" qid="77" name="work">${volume}</operation>`],
    ['without a kind', `<operation>${volume}</operation>`],
    ['with a number that is none', `<operation kind="remove" qid="x" name="half">${volume}</operation>`],
  ])('that is %s removes nothing', async (_, text) => {
    await make();
    const later = await withOperation(NOBODY, text);
    expect((await later.disks.volumes()).join()).toContain('appvms/half/private');
    expect(found(later).powerState).toBe('Halted');
    expect(later.log.trouble.join()).toContain('a stored record cannot be used');
  });

  test('that cannot be read does not lose sight of what runs', async () => {
    await work.start();
    const later = await withOperation(work.uuid, '<operation');
    expect(found(later).powerState).toBe('Running');
    await found(later).kill();
    expect(kinds(later)).toEqual(['run gateway']);
  });
});

test('what is to start with the system is started, and what cannot is told of', async () => {
  await model.set(work, 'autostart', 'True');
  await model.set(found(model, 'dvm'), 'autostart', 'True');
  const later = await model.recovered();
  using _broken = onCall(later.hypervisor, 'start', ({ name }) =>
    name === 'dvm' ? fails('no luck')() : undefined,
  );
  autostart(later.system);
  await found(later).start();
  await found(later, 'dvm').whileHalted('looked at', async () => {});
  expect([found(later).powerState, found(later, 'dvm').powerState]).toEqual(['Running', 'Halted']);
  expect(later.log.trouble).toContain('error autostart failed domain=dvm error=no luck');
});
