import { beforeEach, describe, expect, test } from 'vitest';
import { createDisposable } from '../../../src/app/create.ts';
import { PermissionDenied, QubesException } from '../../../src/base/errors.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { smallSystem } from '../../support/api.ts';
import { fails, gate, onCall } from '../../support/memory-parts.ts';
import type { Model } from '../../support/model.ts';

let model: Model;
let work: QubesVM;
let gateway: QubesVM;
beforeEach(async () => {
  model = await smallSystem();
  work = model.system.domain('work') as QubesVM;
  gateway = model.system.domain('gateway') as QubesVM;
});

type Verb = 'start' | 'shutdown' | 'kill' | 'pause' | 'unpause' | 'remove';
type State = 'Halted' | 'Running' | 'Paused' | 'Dying';

/** What becomes of a domain in each state by each verb: its next state, or what it is refused with. */
const MACHINE: Readonly<Record<State, Readonly<Record<Verb, string>>>> = {
  Halted: {
    start: 'Running',
    shutdown: 'QubesVMNotRunningError',
    kill: 'QubesVMNotStartedError',
    pause: 'QubesVMNotRunningError',
    unpause: 'QubesVMNotPausedError',
    remove: 'removed',
  },
  Running: {
    start: 'Running',
    shutdown: 'Dying',
    kill: 'Halted',
    pause: 'Paused',
    unpause: 'QubesVMNotPausedError',
    remove: 'QubesVMNotHaltedError',
  },
  Paused: {
    start: 'Paused',
    shutdown: 'QubesVMNotRunningError',
    kill: 'Halted',
    pause: 'QubesVMNotRunningError',
    unpause: 'Running',
    remove: 'QubesVMNotHaltedError',
  },
  Dying: {
    start: 'Dying',
    shutdown: 'QubesVMNotRunningError',
    kill: 'Halted',
    pause: 'QubesVMNotRunningError',
    unpause: 'QubesVMNotPausedError',
    remove: 'QubesVMNotHaltedError',
  },
};

async function bringTo(state: State): Promise<void> {
  if (state === 'Halted') return;
  await work.start();
  if (state === 'Paused') await work.pause();
  if (state === 'Dying') {
    Object.assign(model.hypervisor, { requestShutdown: async () => {} });
    await work.shutdown();
  }
}

describe.each(Object.keys(MACHINE) as State[])('a domain that is %s', (state) => {
  test.each(Object.entries(MACHINE[state]) as [Verb, string][])('by %s becomes %s', async (verb, result) => {
    await bringTo(state);
    expect(work.powerState).toBe(state);
    if (verb === 'shutdown') Object.assign(model.hypervisor, { requestShutdown: async () => {} });
    const outcome = await work[verb]().catch((error: unknown) => error);
    if (result.endsWith('Error')) {
      expect(outcome).toBeInstanceOf(QubesException);
      expect((outcome as QubesException).name).toBe(result);
      expect(work.powerState).toBe(state);
    } else if (result === 'removed') expect(work.isRemoved).toBe(true);
    else expect(work.powerState).toBe(result);
    expect(model.system.started.has(work)).toBe(work.isStarted);
  });

  test('is handed to the next daemon, or is halted', async () => {
    await bringTo(state);
    model = await model.recovered();
    const later = model.system.domain('work') as QubesVM;
    expect(later.powerState).toBe(state === 'Dying' ? 'Running' : state);
    expect(model.system.operations.unfinished.map(({ name }) => name).sort()).toEqual(
      state === 'Halted' ? [] : ['gateway', 'work'],
    );
  });
});

describe('starting', () => {
  test('starts its netvm first', async () => {
    const heard = await model.heard(() => work.start());
    expect(heard).toEqual([
      'work domain-pre-start',
      'gateway domain-pre-start',
      'gateway domain-start',
      'work domain-start',
    ]);
  });

  test('goes on without network when its netvm cannot be started, and says so', async () => {
    using _broken = onCall(model.hypervisor, 'start', ({ name }) => {
      if (name === 'gateway') throw new QubesException('no such luck');
    });
    await work.start();
    expect([work.powerState, gateway.powerState]).toEqual(['Running', 'Halted']);
    expect(model.log.trouble.join()).toContain(
      'netvm could not be started domain=work netvm=gateway error=no such luck',
    );
  });

  test('may be forbidden', async () => {
    using _veto = model.system.events.on('domain-pre-start', async (vm) => {
      if (vm === work) throw new PermissionDenied('not today');
    });
    await expect(work.start()).rejects.toThrow('not today');
    expect([work.powerState, gateway.powerState]).toEqual(['Halted', 'Halted']);
  });

  test('twice at once is once', async () => {
    const heard = await model.heard(() => Promise.all([work.start(), work.start(), gateway.start()]));
    expect(heard.filter((event) => event.endsWith('domain-start'))).toEqual([
      'gateway domain-start',
      'work domain-start',
    ]);
  });

  const SABOTAGE: readonly (readonly [string, () => void])[] = [
    [
      'the journal',
      () => {
        model.disk.capacity = 1;
      },
    ],
    [
      'a volume',
      () => {
        model.disks.onStep = (step, vid) => {
          if (step === 'start' && vid.endsWith('work/private')) throw new QubesException('no room');
        };
      },
    ],
    [
      'the engine',
      () => {
        onCall(model.hypervisor, 'start', fails('no room'));
      },
    ],
  ];
  test.each(SABOTAGE)(
    'that fails because of %s leaves nothing, and may be tried again',
    async (_, sabotage) => {
      await gateway.start();
      const records = new Map(model.disk.records);
      const volumes = await model.disks.volumes();
      sabotage();
      const heard = await model.heard(() => expect(work.start()).rejects.toThrow(/no room|disk full/));
      expect(heard).toEqual(['work domain-pre-start', 'work domain-start-failed']);
      expect(work.powerState).toBe(model.disk.capacity === 1 ? work.powerState : 'Halted');
      model.disk.capacity = Number.POSITIVE_INFINITY;
      model.disks.onStep = () => {};
      Reflect.deleteProperty(model.hypervisor, 'start');
      await work.start();
      await work.kill();
      expect(new Map(model.disk.records)).toEqual(records);
      expect(await model.disks.volumes()).toEqual(volumes);
    },
  );

  test('ends halted when it is killed meanwhile', async () => {
    await gateway.start();
    const { reached, open, pass } = gate();
    using _held = onCall(model.hypervisor, 'start', pass);
    const started = work.start();
    await reached;
    expect(work.powerState).toBe('Transient');
    const killed = work.kill();
    open();
    await Promise.allSettled([started, killed]);
    await killed;
    expect([work.powerState, model.machine.domains.has(work.uuid)]).toEqual(['Halted', false]);
  });

  test('holds up nobody else', async () => {
    const { reached, open, pass } = gate();
    using _held = onCall(model.hypervisor, 'start', ({ name }) => (name === 'gateway' ? pass() : undefined));
    const started = work.start();
    await reached;
    await (model.system.domain('dvm') as QubesVM).start();
    expect([work.powerState, gateway.powerState]).toEqual(['Halted', 'Transient']);
    open();
    await started;
  });
});

describe('stopping', () => {
  beforeEach(() => work.start());

  test('is waited for', async () => {
    await work.shutdown({ wait: true });
    expect([work.powerState, work.startTime]).toEqual(['Halted', null]);
  });

  test('that takes too long is told of; the domain can still be killed', async () => {
    Object.assign(model.hypervisor, { requestShutdown: async () => {} });
    await model.set(work, 'shutdown_timeout', '1');
    const heard = await model.heard(() =>
      expect(work.shutdown({ wait: true })).rejects.toThrow(
        'did not shut down within 1 s; stop it at once with: qvm-kill work',
      ),
    );
    expect(heard.at(-1)).toBe('work domain-shutdown-failed');
    await work.kill();
    expect(work.powerState).toBe('Halted');
  });

  test('that the engine refuses leaves it running', async () => {
    using _broken = onCall(model.hypervisor, 'requestShutdown', fails('no'));
    const heard = await model.heard(() => expect(work.shutdown()).rejects.toThrow('no'));
    expect(heard).toEqual(['work domain-pre-shutdown', 'work domain-shutdown-failed']);
    expect(work.powerState).toBe('Running');
  });

  test('by itself is cleaned up after and announced', async () => {
    const heard = await model.heard(async () => {
      model.machine.crash(work.uuid);
      await work.whileHalted('looked at', async () => {});
    });
    expect(heard).toEqual(['work domain-stopped', 'work domain-shutdown']);
    expect(model.system.operations.unfinished.map(({ name }) => name)).toEqual(['gateway']);
  });

  test('told of twice is announced once', async () => {
    const heard = await model.heard(() =>
      Promise.all([work.kill(), work.engineStopped(), work.engineStopped()]),
    );
    expect(heard).toEqual(['work domain-stopped', 'work domain-shutdown']);
  });

  test('keeps what it wrote in its private volume and drops the rest', async () => {
    model.disks.write('appvms/work/private', 'home', 'kept');
    model.disks.write('appvms/work/root', 'etc', 'dropped');
    await work.kill();
    await work.start();
    expect(model.disks.read('appvms/work/private', 'home')).toBe('kept');
    expect(model.disks.read('appvms/work/root', 'etc')).toBeUndefined();
  });
});

describe.each(['pause', 'unpause'] as const)('an engine that fails to %s', (verb) => {
  test('leaves the domain as it was', async () => {
    await work.start();
    if (verb === 'unpause') await work.pause();
    const { powerState } = work;
    using _broken = onCall(model.hypervisor, verb, fails('no'));
    const heard = await model.heard(() => expect(work[verb]()).rejects.toThrow('no'));
    expect(heard).toEqual([`work domain-pre-${verb}d`]);
    expect(work.powerState).toBe(powerState);
  });
});

describe('what cannot be cleaned up', () => {
  test('is crashed until it can, and the next start does it', async () => {
    await work.start();
    {
      using _broken = onCall(model.hypervisor, 'cleanUp', fails('busy'));
      await work.kill().catch(() => {});
      expect(work.powerState).toBe('Crashed');
      expect(model.log.trouble.join()).toContain('could not clean up after a domain domain=work error=busy');
      await expect(work.start()).rejects.toThrow('could not be cleaned up');
      await expect(work.remove()).rejects.toThrow('while it is Crashed');
    }
    await work.start();
    expect(work.powerState).toBe('Running');
  });

  test('is tried again by the next daemon', async () => {
    await work.start();
    model.disks.onStep = (step) => (step === 'stop' ? fails('busy')() : undefined);
    await work.kill().catch(() => {});
    model.disks.onStep = () => {};
    model = await model.recovered();
    expect([
      (model.system.domain('work') as QubesVM).powerState,
      model.system.operations.unfinished.map(({ name }) => name),
    ]).toEqual(['Halted', ['gateway']]);
  });

  test('of a disposable keeps it, its number and its name: something of it may still run', async () => {
    const made = await createDisposable(model.system, model.system.domain('dvm'));
    await made.start();
    using _broken = onCall(model.hypervisor, 'kill', fails('stuck'));
    await made.engineStopped().catch(() => {});
    expect([made.powerState, model.system.domains.find(made.name)]).toEqual(['Crashed', made]);
    expect(model.system.domains.isQidFree(made.qid)).toBe(false);
  });

  test('is not announced as stopped', async () => {
    await work.start();
    using _broken = onCall(model.hypervisor, 'cleanUp', fails('busy'));
    const heard = await model.heard(() => expect(work.kill()).rejects.toThrow('could not be cleaned up'));
    expect(heard).toEqual([]);
  });
});

test('what is done to a halted domain is not disturbed by its start', async () => {
  const { reached, open, pass } = gate();
  const task = work.whileHalted('cloned', pass);
  await reached;
  const started = work.start();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(work.powerState).toBe('Halted');
  open();
  await Promise.all([task, started]);
  expect(work.powerState).toBe('Running');
  await expect(work.whileHalted('cloned', async () => {})).rejects.toThrow(
    'cannot be cloned while it is Running',
  );
});
