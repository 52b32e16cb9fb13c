import { expect, test } from 'vitest';
import { MAX_QID } from '../../../src/hypervisor/id-range.ts';
import { ipv4Of, ipv6Of } from '../../../src/net/address-plan.ts';

test.each([
  [{ qid: 1 }, '10.137.0.1', 'fd09:24ef:4179::a89:1'],
  [{ qid: 5 }, '10.137.0.5', 'fd09:24ef:4179::a89:5'],
  [{ qid: 254 }, '10.137.0.254', 'fd09:24ef:4179::a89:fe'],
  [{ qid: 255 }, '10.137.1.1', 'fd09:24ef:4179::a89:ff'],
  [{ qid: 300 }, '10.137.1.46', 'fd09:24ef:4179::a89:12c'],
  [{ qid: MAX_QID }, '10.137.255.254', 'fd09:24ef:4179::a89:fe00'],
  [{ qid: 9, dispid: 7 }, '10.138.0.7', 'fd09:24ef:4179::a8a:7'],
  [{ qid: 9, dispid: 10_000 }, '10.138.39.94', 'fd09:24ef:4179::a8a:2710'],
  [{ qid: 9, dispid: undefined }, '10.137.0.9', 'fd09:24ef:4179::a89:9'],
])('%j has the addresses Qubes gives it', (numbered, ipv4, ipv6) => {
  expect(ipv4Of(numbered)).toBe(ipv4);
  expect(ipv6Of(numbered)).toBe(ipv6);
});

test('every number there can be has an address of its own that any system takes for a host', () => {
  const seen = new Set<string>();
  const wrong: string[] = [];
  for (let qid = 1; qid <= MAX_QID; qid += 1) {
    const address = ipv4Of({ qid });
    const [, , third = -1, fourth = -1] = address.split('.').map(Number);
    if (seen.has(address) || third > 255 || fourth < 1 || fourth > 254) wrong.push(`${qid}: ${address}`);
    seen.add(address);
  }
  expect(wrong).toEqual([]);
});
