import { isFinalState, TASK_STATES, type StateCounts, type TaskState } from '../../task/task-state.js';
import type { BatchCounts } from '../task-views.js';
import type { BatchDump } from './batch-index.js';
import type { ClearMarks } from './clear-marks.js';
import { DeadlineHeap, type HeapDump } from './deadline-heap.js';
import { merged, NumberList } from './number-list.js';
import { NumberTable } from './number-table.js';
import { RankedSet } from './ranked-set.js';
import type { Lane, LaneDump } from './ready-lanes.js';
import type { IndexDump } from './task-index.js';
import type { TaskNumber } from './task-number.js';
import type { TaskHead } from './task-record.js';

/** Tasks of a queue in the same state and generation; if they are queued, of one lane as well. */
interface Bundle {
  readonly queue: string;
  readonly state: TaskState;
  readonly generation: number;
  readonly lane: Lane;
  readonly numbers: NumberList;
  /** Deadlines in the order of the numbers, NaN for none; absent while none has one. */
  deadlines: NumberList | undefined;
  bytes: number;
  /** In processing: the claim calls, and the number of tasks of each group. */
  readonly claims: [claimKey: string, number: TaskNumber][];
  readonly groups: Map<string, number>;
}

/** The bundles of a queue in one state. */
interface Shelf {
  /** That of the last task, which is often that of the next one. */
  last: Bundle | undefined;
  readonly bundles: Map<string, Bundle>;
}

/** The indices of all tasks that no mark covers, and those that one covers. */
export interface BuiltIndex {
  readonly dump: IndexDump;
  readonly cleared: RankedSet;
}

type Counts = { -readonly [State in keyof StateCounts]: StateCounts[State] };

const NO_TASKS = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as StateCounts;
const NO_LANE: Lane = { priority: 0, group: '', signature: '' };

/**
 * Collects the heads of records in any order, then builds all indices at once: sorted runs of numbers instead of one
 * insertion after another. It takes 8 to 16 bytes per task, and as much for a deadline.
 */
export class IndexBuilder {
  private readonly queues = new Map<string, Map<TaskState, Shelf>>();
  private readonly batchIds: string[] = [];
  /** Index of the batch id by task number. */
  private readonly batchOf = new NumberTable();

  add(number: TaskNumber, head: TaskHead): void {
    const bundle = this.bundleOf(head);
    const { state, group, claimKey, deadline } = head;
    if (deadline !== undefined) bundle.deadlines ??= nothing(bundle.numbers.size);
    bundle.numbers.add(number);
    bundle.deadlines?.add(deadline ?? NaN);
    bundle.bytes += head.bytes;
    if (claimKey !== undefined) bundle.claims.push([claimKey, number]);
    if (state === 'processing' && group !== '') bundle.groups.set(group, (bundle.groups.get(group) ?? 0) + 1);
  }

  /** Adds a task to its batch. Tasks of a batch come one after the other, apart from the ends of pages. */
  addToBatch(batchId: string, number: TaskNumber): void {
    if (this.batchIds.at(-1) !== batchId) this.batchIds.push(batchId);
    this.batchOf.set(number, this.batchIds.length - 1);
  }

  build(marks: ClearMarks): BuiltIndex {
    const bundles: Bundle[] = [];
    const cleared: Float64Array[] = [];
    for (const shelves of this.queues.values()) {
      for (const { bundles: all } of shelves.values()) {
        for (const bundle of all.values()) {
          if (marks.covers(bundle)) cleared.push(bundle.numbers.sorted());
          else bundles.push(bundle);
        }
      }
    }
    const dump = {
      queues: queuesIn(bundles),
      claims: claimsIn(bundles),
      batches: this.batchesIn(bundles),
      onWall: heapOf(bundles, ({ state }) => !isFinalState(state) && state !== 'processing'),
      onSteady: heapOf(bundles, ({ state }) => state === 'processing'),
      ended: heapOf(bundles, ({ state }) => isFinalState(state)),
    };
    return { dump, cleared: RankedSet.of(merged(cleared)) };
  }

  private bundleOf(head: TaskHead): Bundle {
    const { queue, state, generation } = head;
    const shelf = this.shelfOf(queue, state);
    const lane = state === 'queued' ? head : NO_LANE;
    if (shelf.last !== undefined && isSame(shelf.last, generation, lane)) return shelf.last;
    const key = `${generation} ${laneKey(lane)}`;
    const bundle = shelf.bundles.get(key) ?? emptyBundle(queue, state, { generation, lane });
    shelf.bundles.set(key, bundle);
    shelf.last = bundle;
    return bundle;
  }

  private shelfOf(queue: string, state: TaskState): Shelf {
    let shelves = this.queues.get(queue);
    if (shelves === undefined) {
      shelves = new Map<TaskState, Shelf>();
      this.queues.set(queue, shelves);
    }
    const known = shelves.get(state);
    if (known !== undefined) return known;
    const shelf: Shelf = { last: undefined, bundles: new Map() };
    shelves.set(state, shelf);
    return shelf;
  }

  private batchesIn(bundles: readonly Bundle[]): BatchDump {
    const batches = new Map<string, Map<string, Counts>>();
    if (this.batchOf.size === 0) return new Map();
    for (const { queue, state, numbers } of bundles) {
      let known: number | undefined;
      let counts: Counts | undefined;
      for (const number of numbers.view()) {
        const batch = this.batchOf.get(number);
        if (batch === undefined) continue;
        if (batch !== known || counts === undefined) {
          counts = countsIn(batches, this.batchIds[batch] ?? '', queue);
          known = batch;
        }
        counts[state] += 1;
      }
    }
    return new Map(Array.from(batches, ([id, queues]) => [id, listed(queues)]));
  }
}

function countsIn(batches: Map<string, Map<string, Counts>>, batchId: string, queue: string): Counts {
  const queues = batches.get(batchId) ?? new Map<string, Counts>();
  batches.set(batchId, queues);
  const counts = queues.get(queue) ?? { ...NO_TASKS };
  queues.set(queue, counts);
  return counts;
}

function listed(queues: ReadonlyMap<string, Counts>): BatchCounts[] {
  return Array.from(queues, ([queue, counts]) => ({ queue, counts }));
}

function emptyBundle(
  queue: string,
  state: TaskState,
  { generation, lane: { priority, group, signature } }: { readonly generation: number; readonly lane: Lane },
): Bundle {
  return {
    queue,
    state,
    generation,
    lane: { priority, group, signature },
    numbers: new NumberList(),
    deadlines: undefined,
    bytes: 0,
    claims: [],
    groups: new Map(),
  };
}

function nothing(count: number): NumberList {
  const list = new NumberList();
  for (let index = 0; index < count; index += 1) list.add(NaN);
  return list;
}

/** With its length, the group cannot run into the signature. */
function laneKey({ priority, group, signature }: Lane): string {
  return `${priority} ${group.length} ${group}${signature}`;
}

function isSame({ generation, lane }: Bundle, otherGeneration: number, other: Lane): boolean {
  return (
    generation === otherGeneration &&
    lane.priority === other.priority &&
    lane.group === other.group &&
    lane.signature === other.signature
  );
}

function groupedBy<Key>(bundles: readonly Bundle[], keyOf: (bundle: Bundle) => Key): Map<Key, Bundle[]> {
  const groups = new Map<Key, Bundle[]>();
  for (const bundle of bundles) {
    const key = keyOf(bundle);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [bundle]);
    else group.push(bundle);
  }
  return groups;
}

function numbersIn(bundles: readonly Bundle[]): Float64Array {
  return merged(bundles.map(({ numbers }) => numbers.sorted()));
}

function queuesIn(all: readonly Bundle[]): IndexDump['queues'] {
  const queues = Array.from(
    groupedBy(all, ({ queue }) => queue),
    ([name, bundles]) => {
      const byState = groupedBy(bundles, ({ state }) => state);
      const states = new Map(Array.from(byState, ([state, some]) => [state, numbersIn(some)] as const));
      const bytes = new Map<TaskState, number>();
      for (const { state, bytes: added } of bundles)
        if (isFinalState(state)) bytes.set(state, (bytes.get(state) ?? 0) + added);
      const activeOf = new Map<string, number>();
      let active = 0;
      for (const { groups, numbers } of byState.get('processing') ?? []) {
        active += numbers.size;
        for (const [group, count] of groups) activeOf.set(group, (activeOf.get(group) ?? 0) + count);
      }
      const lanes = lanesIn(byState.get('queued') ?? []);
      const oldest = Math.min(...Array.from(states.values(), ([first = Infinity]) => first));
      return { name, oldest, dump: { states, bytes, flow: { lanes, active, activeOf } } };
    },
  );
  // Queues are listed in the order of their oldest tasks.
  queues.sort((one, other) => one.oldest - other.oldest);
  return new Map(queues.map(({ name, dump }) => [name, dump]));
}

/** Tasks of a lane that were written before and after a clear are in different bundles. */
function lanesIn(bundles: readonly Bundle[]): LaneDump[] {
  const lanes = groupedBy(bundles, ({ lane }) => laneKey(lane));
  return Array.from(lanes.values(), (some) => ({ ...(some[0]?.lane ?? NO_LANE), numbers: numbersIn(some) }));
}

function claimsIn(bundles: readonly Bundle[]): IndexDump['claims'] {
  const claims = new Map<string, Set<TaskNumber>>();
  const all = bundles.flatMap(({ claims: some }) => some).sort(([, one], [, other]) => one - other);
  for (const [claimKey, number] of all) {
    const held = claims.get(claimKey);
    if (held === undefined) claims.set(claimKey, new Set([number]));
    else held.add(number);
  }
  return claims;
}

function heapOf(bundles: readonly Bundle[], isIn: (bundle: Bundle) => boolean): HeapDump {
  const times = new NumberList();
  const keys = new NumberList();
  for (const bundle of bundles) {
    const deadlines = isIn(bundle) ? bundle.deadlines?.view() : undefined;
    if (deadlines === undefined) continue;
    const numbers = bundle.numbers.view();
    for (let index = 0; index < numbers.length; index += 1) {
      const at = deadlines[index] ?? NaN;
      if (Number.isNaN(at)) continue;
      times.add(at);
      keys.add(numbers[index] ?? NaN);
    }
  }
  return DeadlineHeap.from({ times: times.view(), keys: keys.view() }).dump();
}
