import fc from 'fast-check';
import { Deadlines } from '../../../src/storage/embedded/deadlines.js';
import { TaskIndex } from '../../../src/storage/embedded/task-index.js';
import type { TaskHead } from '../../../src/storage/embedded/task-record.js';
import { ROOMY } from '../../support/store-harness.js';

const SPARE = 4_096;

describe('deadlines', () => {
  it('survive the removal of stale ones, which leaves one per task', () => {
    const entry = fc.record({ at: fc.nat(40), key: fc.nat(12) });
    const entries = fc.array(entry, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(entries, fc.nat(9), fc.nat(50), fc.boolean(), (list, count, later, isWhole) => {
        const deadlines = new Deadlines();
        const due = new Map<number, number>();
        for (const { at, key } of list) {
          deadlines.push(at, key);
          due.set(key, at);
        }
        // A heartbeat moves a deadline out, and its entry stays. Others are gone.
        for (const [key, at] of [...due]) {
          if (key % 3 === 0) due.delete(key);
          else if (key % 3 === 1) due.set(key, at + later);
        }
        do deadlines.compact(count + 1, (key) => due.get(key));
        while (isWhole && deadlines.isCrowded(due.size));
        const found = [];
        for (let next = deadlines.pop(); next !== undefined; next = deadlines.pop()) found.push(next);
        expect(found).toEqual(found.toSorted((a, b) => a.at - b.at || a.key - b.key));
        for (const [key, at] of due)
          expect(found.some((each) => each.key === key && each.at <= at)).toBe(true);
        if (isWhole) expect(found).toHaveLength(due.size);
      }),
    );
  });

  it('are compacted once each time they double, also when all are current', () => {
    const deadlines = new Deadlines();
    for (let key = 0; key <= SPARE; key += 1) deadlines.push(key, key);
    expect(deadlines.isCrowded(0)).toBe(true);
    deadlines.compact(Infinity, () => 'damaged');
    expect([deadlines.isCrowded(0), deadlines.size]).toEqual([false, SPARE + 1]);
    for (let key = 0; key <= SPARE; key += 1) deadlines.push(key, key);
    expect(deadlines.isCrowded(0)).toBe(false);
    deadlines.push(0, 0);
    expect(deadlines.isCrowded(0)).toBe(true);
  });

  it('of day-long leases are dropped after 6,000 tasks end within a minute', () => {
    const index = new TaskIndex(ROOMY);
    const records = new Map<number, TaskHead>();
    const move = (number: number, next: TaskHead | undefined) => {
      index.move(number, records.get(number), next);
      if (next === undefined) records.delete(number);
      else records.set(number, next);
    };
    for (let number = 1; number <= 6_000; number += 1) {
      move(number, head({ state: 'queued', deadline: number + 86_400_000 }));
      index.flowOf('default').ready.delete({ priority: 1, group: '', signature: '' }, number);
      move(number, head({ state: 'processing', deadline: number + 86_400_000 }));
      if (number % 600 === 0) continue;
      move(number, head({ state: 'completed', deadline: number }));
      move(number, undefined);
    }
    expect(index.deadlines).toBeGreaterThan(17_000);
    while (!index.compactDeadlines((number) => records.get(number)));
    expect(index.deadlines).toBeLessThan(100);
    expect(index.untilDue({ wall: 0, steady: 86_400_000 })).toBe(600);
  });
});

function head(part: Pick<TaskHead, 'state' | 'deadline'>): TaskHead {
  return {
    ...part,
    queue: 'default',
    priority: 1,
    group: '',
    signature: '',
    revision: 1,
    generation: 0,
    payloadBytes: 0,
    bytes: 0,
    claimKey: undefined,
  };
}
