import fc from 'fast-check';
import { ClearMarks } from '../../../src/storage/embedded/clear-marks.js';
import type { HeapDump } from '../../../src/storage/embedded/deadline-heap.js';
import { IndexBuilder } from '../../../src/storage/embedded/index-builder.js';
import type { LaneDump } from '../../../src/storage/embedded/ready-lanes.js';
import { type IndexDump, TaskIndex } from '../../../src/storage/embedded/task-index.js';
import type { TaskHead } from '../../../src/storage/embedded/task-record.js';
import { Offer } from '../../../src/task/requirements.js';
import { isFinalState, TASK_STATES } from '../../../src/task/task-state.js';
import { ROOMY } from '../../support/store-harness.js';

interface Record {
  readonly number: number;
  readonly head: TaskHead;
  readonly batchId: string | undefined;
}

const MARKED_AT = 2;

/** A record as the store may have written it before or after a clear of the queue `a`. */
const record = fc
  .record({
    number: fc.integer({ min: 1, max: 5_000 }),
    state: fc.constantFrom(...TASK_STATES),
    queue: fc.constantFrom('a', 'b', 'c'),
    priority: fc.integer({ min: 0, max: 2 }),
    group: fc.constantFrom('', '', 'g', 'h', 'g 1'),
    signature: fc.constantFrom('', '', 'gpu=yes', '1=1'),
    generation: fc.integer({ min: 0, max: 3 }),
    bytes: fc.integer({ min: 1, max: 9 }),
    deadline: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }),
    claimKey: fc.constantFrom('x', 'y'),
    batchId: fc.constantFrom(undefined, 'p', 'q', 'r'),
  })
  .map(({ number, batchId, claimKey, deadline, ...facts }): Record => {
    const isHeld = facts.state === 'processing';
    const isTimed = isHeld || isFinalState(facts.state) || facts.state === 'delayed';
    return {
      number,
      batchId,
      head: {
        ...facts,
        revision: 1,
        payloadBytes: 0,
        deadline: isTimed ? (deadline ?? 7) : deadline,
        claimKey: isHeld ? claimKey : undefined,
      },
    };
  });

const records = fc.uniqueArray(record, { selector: ({ number }) => number, maxLength: 120 });

function marks(): ClearMarks {
  const cleared = new ClearMarks();
  cleared.add(MARKED_AT, { queues: ['a'] });
  return cleared;
}

/** The indices after one task at a time, oldest first. */
function movedOneByOne(all: readonly Record[]): { readonly index: TaskIndex; readonly cleared: number[] } {
  const covers = marks();
  const index = new TaskIndex(ROOMY, covers);
  const cleared: number[] = [];
  for (const { number, head, batchId } of all.toSorted((one, other) => one.number - other.number)) {
    if (covers.covers(head)) cleared.push(number);
    else {
      index.move(number, undefined, head);
      if (batchId !== undefined) index.batches.move(batchId, undefined, head);
    }
  }
  return { index, cleared };
}

function built(all: readonly Record[]): { readonly index: TaskIndex; readonly cleared: number[] } {
  const builder = new IndexBuilder();
  for (const { number, head, batchId } of all) {
    builder.add(number, head);
    if (batchId !== undefined) builder.addToBatch(batchId, number);
  }
  const covers = marks();
  const { dump, cleared } = builder.build(covers);
  const index = new TaskIndex(ROOMY, covers);
  index.load(dump);
  return { index, cleared: [...cleared.keys()] };
}

/** Without the order of lanes, of the queues of a batch and within heaps, which says nothing. */
function contents(dump: IndexDump | undefined): unknown {
  if (dump === undefined) return undefined;
  const nameOf = ({ priority, group, signature }: LaneDump) => JSON.stringify([priority, group, signature]);
  const queues = Array.from(dump.queues, ([name, { flow, ...queue }]) => {
    const lanes = flow.lanes.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
    return { name, ...queue, flow: { ...flow, lanes } };
  });
  const heaps = [dump.onWall, dump.onSteady, dump.ended].map(entriesIn);
  const batches = Array.from(dump.batches, ([id, counts]) => [id, new Set(counts)] as const);
  return { queues, heaps, claims: new Map(dump.claims), batches: new Map(batches) };
}

function entriesIn({ times, keys }: HeapDump): string[] {
  return Array.from(times, (at, index) => `${at} ${keys[index]}`).sort();
}

/** The tasks of all queues in the order in which a worker gets them. */
function drained(index: TaskIndex): number[] {
  const taken: number[] = [];
  for (const queue of index.queueNames()) {
    const flow = index.flowOf(queue);
    const picks = flow.picks(new Offer({ gpu: 'yes', '1': '1' }), 0, () => 0);
    for (let next = picks.next(); next !== undefined; next = picks.next()) {
      taken.push(next.number);
      flow.serve(next, 0);
    }
  }
  return taken;
}

describe('IndexBuilder', () => {
  it('builds from records in any order what moving them one by one gives', () => {
    fc.assert(
      fc.property(records, (all) => {
        const wanted = movedOneByOne(all);
        const found = built(all);
        const count = all.length - wanted.cleared.length;
        expect(found.cleared).toEqual(wanted.cleared);
        expect(contents(found.index.dump(count))).toEqual(contents(wanted.index.dump(count)));
        expect(found.index.held()).toEqual(wanted.index.held());
        expect(drained(found.index)).toEqual(drained(wanted.index));
      }),
    );
  });

  it('counts thousands of tasks of batches', () => {
    const builder = new IndexBuilder();
    const head = {
      state: 'queued',
      queue: 'a',
      priority: 1,
      group: '',
      signature: '',
      generation: 0,
    } as const;
    const rest = { revision: 1, payloadBytes: 0, bytes: 1, deadline: undefined, claimKey: undefined };
    for (let number = 1; number <= 3_000; number += 1) {
      builder.addToBatch(number % 2 === 0 ? 'even' : 'odd', 2 ** 40 + number);
      builder.add(2 ** 40 + number, { ...head, ...rest });
    }
    const { dump } = builder.build(new ClearMarks());
    const counts = { queue: 'a', counts: expect.objectContaining({ queued: 1_500 }) };
    expect(dump.batches).toEqual(
      new Map([
        ['odd', [counts]],
        ['even', [counts]],
      ]),
    );
  });
});
