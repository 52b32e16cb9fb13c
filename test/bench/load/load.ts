import { addressOf, close, openWith, Poller, receive } from './sockets.ts';

/** What was measured. Times in milliseconds. */
export interface Summary {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** How long to go on. */
export type Extent = { readonly seconds: number } | { readonly count: number };

/**
 * Keeps `clients` requests in flight, each on a connection of its own: connect, send, half-close, read to the end,
 * close. `requestAt` gives the bytes of the nth. Throws when an answer is an exception.
 */
export function load(
  path: string,
  requestAt: (index: number) => Buffer,
  clients: number,
  extent: Extent,
): Summary {
  const address = addressOf(path);
  const poller = new Poller();
  const flights = new Map<number, { readonly began: number; answer: Buffer }>();
  const times: number[] = [];
  const began = performance.now();
  let sent = 0;

  const goesOn = () =>
    'count' in extent ? sent < extent.count : performance.now() - began < extent.seconds * 1000;
  const launch = (): number => {
    const request = requestAt(sent++);
    const at = performance.now();
    const fd = openWith(address, request);
    flights.set(fd, { began: at, answer: Buffer.alloc(0) });
    return fd;
  };

  while (poller.size < clients && goesOn()) poller.add(launch());
  while (poller.size > 0) {
    for (const fd of poller.wait()) {
      const flight = flights.get(fd) as { began: number; answer: Buffer };
      const bytes = receive(fd);
      if (bytes.length > 0) {
        if (flight.answer.length === 0) flight.answer = Buffer.from(bytes.subarray(0, 200));
        continue;
      }
      times.push(performance.now() - flight.began);
      close(fd);
      flights.delete(fd);
      refuseException(flight.answer);
      if (goesOn()) poller.replace(fd, launch());
      else poller.remove(fd);
    }
  }
  return summary(times, (performance.now() - began) / 1000);
}

/** "0" NUL begins every good answer. */
function refuseException(answer: Buffer): void {
  if (answer[0] !== 0x30 || answer[1] !== 0)
    throw new Error(`the daemon answered '${answer.toString('latin1').replaceAll('\0', ' ').trim()}'`);
}

export function summary(times: readonly number[], seconds: number): Summary {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    requests: sorted.length,
    perSecond: sorted.length / seconds,
    p50: at(0.5),
    p95: at(0.95),
    max: at(1),
  };
}
