import { type Summary, summary } from './load.ts';
import { encode } from './requests.ts';
import { addressOf, close, openWith, Poller, receive } from './sockets.ts';

export interface ListenersTask {
  readonly kind: 'listeners';
  readonly socket: string;
  readonly domain: string;
  /** How many listen. */
  readonly count: number;
  /** How many changes are made and timed. */
  readonly changes: number;
}

/**
 * `count` listeners of `admin.Events`; then `changes` changes, one after another, each timed from its request until
 * every listener has the event.
 */
export function timeToListeners({ socket, domain, count, changes }: ListenersTask): Summary {
  const address = addressOf(socket);
  const poller = new Poller();
  const listeners: number[] = [];
  for (let n = 0; n < count; n++) listeners.push(openWith(address, encode('admin.Events', 'dom0')));
  for (const fd of listeners) {
    let heard = '';
    while (!heard.endsWith('connection-established\0\0')) heard += receive(fd).toString('latin1');
    poller.add(fd);
  }
  const times: number[] = [];
  const began = performance.now();
  for (let n = 0; n < changes; n++) times.push(timeOne(address, poller, listeners, domain, `seen-${n}`));
  for (const fd of listeners) close(fd);
  return summary(times, (performance.now() - began) / 1000);
}

function timeOne(
  address: Buffer,
  poller: Poller,
  listeners: readonly number[],
  domain: string,
  value: string,
): number {
  const mark = `\0value\0${value}\0`;
  const heard = new Map(listeners.map((fd) => [fd, '']));
  const began = performance.now();
  const writer = openWith(address, encode('admin.vm.feature.Set', domain, 'bench-event', value));
  poller.add(writer);
  let answered = false;
  let seenAt = 0;
  while (heard.size > 0 || !answered) {
    for (const fd of poller.wait()) {
      const bytes = receive(fd);
      if (fd === writer) {
        if (bytes.length > 0) continue;
        answered = true;
        poller.remove(writer);
        close(writer);
      } else if (bytes.length === 0) {
        throw new Error('the daemon hung up on a listener');
      } else if (heard.has(fd)) {
        const text = heard.get(fd) + bytes.toString('latin1');
        if (!text.includes(mark)) heard.set(fd, text);
        else heard.delete(fd);
        if (heard.size === 0 && seenAt === 0) seenAt = performance.now();
      }
    }
  }
  return seenAt - began;
}
