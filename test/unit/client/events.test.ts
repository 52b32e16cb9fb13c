import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdminClient } from '../../../src/client/admin-client.ts';
import { EventReader, type WireEvent } from '../../../src/client/wire.ts';
import { FakeRefusal, fakeDaemon } from './fake-daemon.ts';

const CONNECTED = '1\0\0connection-established\0\0';
const STARTED = '1\0work\0domain-start\0start_guid\0True\0reason\0\0\0';

describe('AdminClient.events', () => {
  it('yields events in order and ends with the daemon', async () => {
    await using daemon = await fakeDaemon({ 'admin.Events': () => Buffer.from(CONNECTED + STARTED) });
    const events = await Array.fromAsync(new AdminClient({ socket: daemon.socket }).events('work'));
    expect(events).toEqual([
      { subject: '', name: 'connection-established', kwargs: {} },
      { subject: 'work', name: 'domain-start', kwargs: { start_guid: 'True', reason: '' } },
    ]);
    expect(daemon.requests[0]).toMatchObject({ method: 'admin.Events', dest: 'work' });
  });

  it('throws what the daemon refuses with', async () => {
    await using daemon = await fakeDaemon({
      'admin.Events': () => new FakeRefusal('PermissionDenied', 'no'),
    });
    const events = new AdminClient({ socket: daemon.socket }).events();
    await expect(events.next()).rejects.toMatchObject({ name: 'PermissionDenied', message: 'no' });
  });

  it('tells an event cut off from a clean end', async () => {
    await using daemon = await fakeDaemon({
      'admin.Events': () => Buffer.from(CONNECTED + STARTED.slice(0, 9)),
    });
    const events = new AdminClient({ socket: daemon.socket }).events();
    expect((await events.next()).value).toMatchObject({ name: 'connection-established' });
    await expect(events.next()).rejects.toThrow('in the middle of an event');
  });

  it('ends quietly when aborted', async () => {
    await using daemon = await fakeDaemon({
      'admin.Events': () =>
        new Promise((resolve) => setTimeout(() => resolve(Buffer.from(CONNECTED)), 5_000).unref()),
    });
    const abort = new AbortController();
    const next = new AdminClient({ socket: daemon.socket }).events('dom0', abort.signal).next();
    setTimeout(() => abort.abort(), 30);
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

const text = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
const word = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 });
const event: fc.Arbitrary<WireEvent> = fc.record({
  subject: text,
  name: word,
  kwargs: fc.dictionary(word, text, { noNullPrototype: false, maxKeys: 4 }),
});

function encode({ subject, name, kwargs }: WireEvent): string {
  const pairs = Object.entries(kwargs).map(([key, value]) => `${key}\0${value}\0`);
  return `1\0${subject}\0${name}\0${pairs.join('')}\0`;
}

describe('EventReader', () => {
  it('reads the same events however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 5 }),
        fc.array(fc.nat({ max: 7 }), { maxLength: 40 }),
        (events, cuts) => {
          const bytes = Buffer.from(events.map(encode).join(''));
          const reader = new EventReader();
          const seen: WireEvent[] = [];
          let at = 0;
          for (const cut of [...cuts, bytes.length]) {
            seen.push(...reader.push(bytes.subarray(at, at + cut)));
            at = Math.min(bytes.length, at + cut);
          }
          reader.end();
          expect(seen.map(encode)).toEqual(events.map(encode));
        },
      ),
    );
  });

  it('refuses an event without end', () => {
    const reader = new EventReader();
    expect(() => [...reader.push(Buffer.from(`1\0${'x'.repeat(1_100_000)}`))]).toThrow(
      'more than 1048576 bytes',
    );
  });
});
