import { beforeEach, describe, expect, test } from 'vitest';
import type { Filter } from '../../../src/api/call.ts';
import { encodeEvent } from '../../../src/api/contract/reply.ts';
import { EventHub, type Sink } from '../../../src/api/events.ts';
import { EventReader } from '../../../src/client/wire.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { smallSystem } from '../../support/api.ts';
import type { Model } from '../../support/model.ts';

/** A connection that keeps what it is sent. */
class Listener implements Sink {
  backlog = 0;
  dropped = false;
  readonly sent: Buffer[] = [];

  write(bytes: Buffer): void {
    this.sent.push(bytes);
  }
  drop(): void {
    this.dropped = true;
  }

  /** `SUBJECT EVENT KEY=VALUE...`, as Qubes' client reads them. */
  get events(): string[] {
    const reader = new EventReader();
    return [...reader.push(Buffer.concat(this.sent))].map(({ subject, name, kwargs }) =>
      [subject, name, ...Object.entries(kwargs).map((pair) => pair.join('='))].join(' '),
    );
  }

  get names(): string[] {
    return this.events.map((event) => event.split(' ')[1] as string);
  }
}

let model: Model;
let hub: EventHub;
let work: QubesVM;
beforeEach(async () => {
  model = await smallSystem();
  hub = new EventHub(model.system);
  work = model.system.domain('work') as QubesVM;
});

function listen(only?: BaseVM, sees: Filter = () => true): Listener & Disposable {
  const listener = new Listener();
  const subscription = hub.subscribe(listener, only, sees);
  return Object.assign(listener, { [Symbol.dispose]: () => subscription[Symbol.dispose]() });
}

test('an event has the bytes Qubes gives it', () => {
  expect(encodeEvent('', 'connection-established', []).toString()).toBe('1\0\0connection-established\0\0');
  expect(encodeEvent('work', 'domain-start', [['start_guid', 'True']]).toString()).toBe(
    '1\0work\0domain-start\0start_guid\0True\0\0',
  );
  expect(encodeEvent('work', 'x', [['a', '1\0b\x002']]).toString()).toBe('1\0work\0x\0a\x001b2\0\0');
});

test('values are spelled as Qubes spells them', async () => {
  using listener = listen();
  await model.set(work, 'autostart', 'True');
  await model.set(work, 'netvm', '');
  await model.set(work, 'label', 'blue');
  await model.set(work, 'memory', '500');
  await model.system.change((change) => work.features.set(change, 'gui', ''));
  expect(listener.events.slice(1)).toEqual([
    'work property-set:autostart name=autostart newvalue=True oldvalue=False',
    'work property-set:netvm name=netvm newvalue=None oldvalue=gateway',
    'work property-set:label name=label newvalue=blue oldvalue=red',
    'work property-set:memory name=memory newvalue=500 oldvalue=400',
    'work domain-feature-set:gui feature=gui value=',
  ]);
});

test('the first event is connection-established, whatever happened before', async () => {
  await work.start();
  using listener = listen();
  expect(listener.events).toEqual([' connection-established']);
});

test("a domain's life is told in order, the system's part of it too", async () => {
  using listener = listen();
  const made = await model.create('AppVM', 'new', 'base');
  await made.start();
  await made.pause();
  await made.unpause();
  await made.kill();
  await made.remove();
  expect(listener.names.slice(1)).toEqual([
    'domain-add',
    'domain-create-on-disk',
    'domain-pre-start',
    'domain-start',
    'domain-pre-paused',
    'domain-paused',
    'domain-pre-unpaused',
    'domain-unpaused',
    'domain-stopped',
    'domain-shutdown',
    'domain-pre-delete',
    'domain-remove-from-disk',
    'domain-delete',
  ]);
  expect(listener.events[1]).toBe(' domain-add vm=new');
  expect(listener.events.at(-1)).toBe(' domain-delete vm=new');
});

test.each([
  ['domain-tag-add:pre-', (change, vm) => vm.tags.add(change, 'a-pre-b')],
  ['domain-feature-set:service.x-pre-y', (change, vm) => vm.features.set(change, 'service.x-pre-y', '1')],
] as readonly [string, (change: never, vm: QubesVM) => void][])(
  '%s is told of, however it is named',
  async (_, work_) => {
    using listener = listen();
    await model.system.change((change) => work_(change as never, work));
    expect(listener.events).toHaveLength(2);
  },
);

test('questions whether something may change are nobody else’s business', async () => {
  using listener = listen();
  model.system.events.announce(work, 'admin-permission:admin.vm.Start');
  await model.set(work, 'memory', '500');
  await model.system.change((change) => work.features.set(change, 'gui', '1'));
  expect(listener.names).toEqual(['connection-established', 'property-set:memory', 'domain-feature-set:gui']);
});

test('who listens to one domain hears of no other, nor of the system', async () => {
  using listener = listen(work);
  await (model.system.domain('gateway') as QubesVM).start();
  await model.system.change((change) => model.system.labels.create(change, 'pink', '0x000000'));
  await model.create('AppVM', 'new', 'base');
  await work.start();
  expect(listener.events.slice(1)).toEqual([
    'work domain-pre-start start_guid=True',
    'work domain-start start_guid=True',
  ]);
});

test('a domain that may not be seen is not heard of, not even by its coming and going', async () => {
  using listener = listen(undefined, (vm) => (vm as BaseVM).name !== 'secret');
  const secret = await model.create('AppVM', 'secret', 'base');
  await secret.start();
  await secret.kill();
  await secret.remove();
  await work.start();
  expect(listener.events.join()).not.toContain('secret');
  expect(listener.names).toContain('domain-start');
});

describe('a listener that does not read', () => {
  test('is cut off, and gets nothing more; the others are served', async () => {
    using slow = listen();
    using quick = listen();
    slow.backlog = 2 ** 20;
    await model.set(work, 'memory', '500');
    expect([slow.dropped, slow.events.length]).toEqual([false, 2]);
    slow.backlog += 1;
    await model.set(work, 'memory', '501');
    await model.set(work, 'memory', '502');
    expect([slow.dropped, slow.events.length]).toEqual([true, 2]);
    expect(quick.events).toHaveLength(4);
  });
});

test('an event is encoded once for all', async () => {
  const listeners = Array.from({ length: 64 }, () => listen());
  await model.set(work, 'memory', '500');
  expect(new Set(listeners.map(({ sent }) => sent.at(-1))).size).toBe(1);
});

test('who has gone hears nothing', async () => {
  const listener = listen();
  listener[Symbol.dispose]();
  await model.set(work, 'memory', '500');
  expect(listener.names).toEqual(['connection-established']);
});

test('an event follows the durable change, and a failed change has none', async () => {
  const stored: (boolean | undefined)[] = [];
  using listener = listen();
  const record = () => model.disk.records.get(`domain/${work.uuid}`);
  using _seen = model.system.events.on(
    'property-set:memory',
    () => void stored.push(record()?.includes('>500<')),
  );
  await model.set(work, 'memory', '500');
  model.disk.capacity = 1;
  await expect(model.set(work, 'memory', '501')).rejects.toThrow('disk full');
  expect(stored).toEqual([true]);
  expect(listener.names).toEqual(['connection-established', 'property-set:memory']);
});
