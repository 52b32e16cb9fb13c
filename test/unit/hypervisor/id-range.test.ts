import { expect, test } from 'vitest';
import { idOffsetOf, idRangeOf, MAX_QID } from '../../../src/hypervisor/id-range.ts';

const QIDS = Array.from({ length: MAX_QID }, (_, index) => index + 1);
/** The range that belongs to nobody: what is imported into a volume begins there. */
const NOBODYS = 256 * 65_536;

test.each([0, 1, 12_345, MAX_QID - 1])(
  'with offset %i every qid has a range of its own, within 32 bits',
  (offset) => {
    const starts = new Set(QIDS.map((qid) => idRangeOf(qid, offset).start));
    expect(starts.size).toBe(MAX_QID);
    expect(Math.min(...starts)).toBe(NOBODYS + 65_536);
    expect(Math.max(...starts) + 65_535).toBeLessThan(2 ** 32 - 1);
  },
);

test.each([0, -1, 1.5, MAX_QID + 1])('%d has none', (qid) => {
  expect(() => idRangeOf(qid)).toThrow(RangeError);
});

test('the offset follows from where the state is, and from nothing else', () => {
  expect(idOffsetOf('/var/lib/bulkhead')).toBe(idOffsetOf('/var/lib/bulkhead'));
  expect(idOffsetOf('/var/lib/bulkhead')).not.toBe(idOffsetOf('/srv/second'));
});
