import { expect, test } from 'vitest';
import { Emitter } from '../../../src/base/emitter.ts';

type Failure = [event: string, message: string];

/** An emitter and what its handlers failed with. */
function emitter(): { events: Emitter<string>; failures: Failure[] } {
  const failures: Failure[] = [];
  const events = new Emitter<string>((event, error) => failures.push([event, (error as Error).message]));
  return { events, failures };
}

function fail(): never {
  throw new Error('no');
}

test('a handler hears its event, with subject and values', () => {
  const { events } = emitter();
  const heard: unknown[] = [];
  events.on('domain-start', (...call) => void heard.push(call));
  events.announce('work', 'domain-start', { force: true });
  events.announce('work', 'domain-stop');
  expect(heard).toEqual([['work', 'domain-start', { force: true }]]);
});

test('a handler of a prefix hears all that begins so, one of * hears all', () => {
  const { events } = emitter();
  const heard: string[] = [];
  events.on('domain-feature-set:*', (_subject, event) => void heard.push(`prefix ${event}`));
  events.on('*', (_subject, event) => void heard.push(`all ${event}`));
  events.announce('work', 'domain-feature-set:gui');
  events.announce('work', 'domain-feature-set');
  expect(heard).toEqual([
    'prefix domain-feature-set:gui',
    'all domain-feature-set:gui',
    'all domain-feature-set',
  ]);
});

test('handlers of the event itself come before those of a prefix, each in order of registration', () => {
  const { events } = emitter();
  const heard: string[] = [];
  events.on('*', () => void heard.push('observer'));
  events.on('device-attach:usb', () => void heard.push('first'));
  events.on('device-attach:usb', () => void heard.push('second'));
  events.announce('work', 'device-attach:usb');
  expect(heard).toEqual(['first', 'second', 'observer']);
});

test('a handler that is disposed of hears no more', () => {
  const { events } = emitter();
  const heard: string[] = [];
  {
    using _exact = events.on('tick', (_subject, event) => void heard.push(event));
    using _prefix = events.on('ti*', (_subject, event) => void heard.push(event));
    events.announce('work', 'tick');
  }
  events.announce('work', 'tick');
  expect(heard).toEqual(['tick', 'tick']);
  expect(events.has('tick')).toBe(false);
});

test('disposing twice does not take out another handler of the same event', () => {
  const { events } = emitter();
  const heard: string[] = [];
  const first = events.on('tick', () => {});
  first[Symbol.dispose]();
  events.on('tick', (subject) => void heard.push(subject));
  first[Symbol.dispose]();
  events.announce('work', 'tick');
  expect(heard).toEqual(['work']);
  expect(events.has('tick')).toBe(true);
});

test('has tells whether anybody would hear', () => {
  const { events } = emitter();
  events.on('exact', () => {});
  events.on('some:*', () => {});
  expect(['exact', 'some:thing', 'other', 'exac'].map((event) => events.has(event))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('what a handler throws at an announcement is reported and keeps nobody from hearing', () => {
  const { events, failures } = emitter();
  const heard: string[] = [];
  events.on('tick', fail);
  events.on('tick', () => void heard.push('second'));
  events.announce('work', 'tick');
  expect(heard).toEqual(['second']);
  expect(failures).toEqual([['tick', 'no']]);
});

test('a rejected promise of a handler is reported too', async () => {
  const { events, failures } = emitter();
  events.on('tick', async () => fail());
  events.announce('work', 'tick');
  events.ask('work', 'tick');
  await new Promise(setImmediate);
  expect(failures).toEqual([
    ['tick', 'no'],
    ['tick', 'no'],
  ]);
});

test('a handler that throws forbids what is asked, and those after it are not asked', () => {
  const { events, failures } = emitter();
  const heard: string[] = [];
  events.on('domain-pre-start', fail);
  events.on('domain-pre-start', () => void heard.push('second'));
  expect(() => events.ask('work', 'domain-pre-start')).toThrow('no');
  expect(heard).toEqual([]);
  expect(failures).toEqual([]);
});

test('askAll waits for each handler in turn and rejects with the first refusal', async () => {
  const { events } = emitter();
  const heard: string[] = [];
  events.on('domain-pre-start', async () => {
    await new Promise(setImmediate);
    heard.push('slow');
  });
  events.on('domain-pre-start', () => void heard.push('quick'));
  await events.askAll('work', 'domain-pre-start');
  expect(heard).toEqual(['slow', 'quick']);

  events.on('domain-pre-stop', async () => fail());
  events.on('domain-pre-stop', () => void heard.push('not reached'));
  await expect(events.askAll('work', 'domain-pre-stop')).rejects.toThrow('no');
  expect(heard).toEqual(['slow', 'quick']);
});

test('a handler may take itself out, or register another, while it is called', () => {
  const { events } = emitter();
  const heard: string[] = [];
  const once = events.on('tick', () => {
    once[Symbol.dispose]();
    heard.push('once');
    events.on('tick', () => void heard.push('later'));
  });
  events.announce('work', 'tick');
  expect(heard).toEqual(['once']);
  events.announce('work', 'tick');
  expect(heard).toEqual(['once', 'later']);
});
