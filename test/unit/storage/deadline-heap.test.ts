import fc from 'fast-check';
import { DeadlineHeap } from '../../../src/storage/embedded/deadline-heap.js';

describe('DeadlineHeap', () => {
  it('gives entries by time, of equal ones the smallest key', () => {
    const entries = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 })), {
      maxLength: 500,
    });
    fc.assert(
      fc.property(entries, (list) => {
        const heap = new DeadlineHeap();
        for (const [at, key] of list) heap.push(at, key);
        const sorted = list.map(([at, key]) => ({ at, key })).sort((a, b) => a.at - b.at || a.key - b.key);
        expect(heap.size).toBe(list.length);
        for (const entry of sorted) {
          expect(heap.next).toBe(entry.at);
          expect(heap.top).toEqual(entry);
          expect(heap.pop()).toEqual(entry);
        }
        expect([heap.next, heap.top, heap.pop(), heap.size]).toEqual([Infinity, undefined, undefined, 0]);
      }),
    );
  });

  it('keeps the order while entries come and go', () => {
    const heap = new DeadlineHeap();
    for (let key = 0; key < 1_000; key += 1) heap.push((key * 7919) % 1_009, key);
    let last = -1;
    for (let round = 0; round < 900; round += 1) {
      const { at } = heap.pop() ?? { at: Infinity };
      expect(at).toBeGreaterThanOrEqual(last);
      last = at;
      if (round % 3 === 0) heap.push(at + 5, round);
    }
    expect(heap.size).toBe(1_000 - 900 + 300);
  });
});
