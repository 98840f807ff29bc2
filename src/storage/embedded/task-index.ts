import { type Instant, type Moment } from '../../task/clock.js';
import {
  isFinalState,
  TASK_STATES,
  type TaskState,
  type StateCounts,
  countIn,
} from '../../task/task-state.js';
import type { StoreSettings } from '../task-store.js';
import type { QueueCounts, StoreTotals } from '../task-views.js';
import { type BatchDump, BatchIndex } from './batch-index.js';
import { type ClearFilter, ClearMarks } from './clear-marks.js';
import type { Deadline, HeapDump } from './deadline-heap.js';
import { Deadlines } from './deadlines.js';
import { merged } from './number-list.js';
import { type FlowDump, QueueFlow } from './queue-flow.js';
import { RankedSet } from './ranked-set.js';
import type { Lane } from './ready-lanes.js';
import type { TaskNumber } from './task-number.js';
import type { TaskHead } from './task-record.js';
import { retentionEnd } from '../../task/task.machine.js';

export type { TaskNumber };

/** One queue as the index sees it. */
interface QueueIndex {
  /** Ready tasks and limits. A claim removes its task here before the claim is durable. */
  readonly flow: QueueFlow;
  /** All tasks of the queue by state, oldest first. */
  readonly states: StateSets;
  /** Bytes of ended tasks by state. */
  readonly bytes: Map<TaskState, number>;
  /** Number of tasks in all states. An empty queue is removed. */
  size: number;
  /** The last answer, while it is valid. */
  counted: QueueCounts | undefined;
}

type StateSets = Record<TaskState, RankedSet>;
type Totals = Record<TaskState, number>;

type StateDump = ReadonlyMap<TaskState, Float64Array>;

interface QueueDump {
  readonly states: StateDump;
  readonly bytes: ReadonlyMap<TaskState, number>;
  readonly flow: FlowDump;
}

/** The content of the indices. Raise `SNAPSHOT_FORMAT` with every change of it. */
export interface IndexDump {
  readonly queues: ReadonlyMap<string, QueueDump>;
  readonly claims: ReadonlyMap<string, ReadonlySet<TaskNumber>>;
  readonly batches: BatchDump;
  readonly onWall: HeapDump;
  readonly onSteady: HeapDump;
  readonly ended: HeapDump;
}

/** Number and total size of ended tasks. */
export interface EndedTasks {
  readonly count: number;
  readonly bytes: number;
}

/** The tasks removed by one clear. */
export interface Dropped {
  readonly numbers: readonly RankedSet[];
  readonly queues: readonly string[];
}

type CreatedAt = (number: TaskNumber) => Instant;

/** A removed deadline with its heap. */
export interface TakenDeadline extends Deadline {
  readonly heap: Deadlines;
}

/** Maximum number of sets that a list merges. */
const SETS_MERGED = 1_000;

/** Deadlines that one turn examines: a few milliseconds. */
const LOOKS_PER_TURN = 1_000;

const HELD_STATES = ['processing'] as const;
const WAITING_STATES = ['delayed', 'queued'] as const;
const FINAL_STATES = TASK_STATES.filter(isFinalState);

const NONE: EndedTasks = { count: 0, bytes: 0 };

/**
 * The embedded store's in-memory indices: the tasks of each queue and state, and their deadlines. They hold only
 * numbers, 8 to 40 bytes per task; all other data stays on disk. A start fills them from a snapshot or from the records.
 */
export class TaskIndex {
  private readonly queues = new Map<string, QueueIndex>();
  /** The tasks of all queues, including cleared ones that are still in the file. */
  private readonly states = emptySets();
  /** Number of tasks of all queues in each state. */
  private readonly totalOf = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Totals;
  readonly batches: BatchIndex;
  /** The flows of queues with tasks or settings. */
  private readonly flows = new Map<string, QueueFlow>();
  private readonly claims = new Map<string, Set<TaskNumber>>();
  private onWall = new Deadlines();
  private onSteady = new Deadlines();
  private ended = new Deadlines();
  private readonly endedTasks = { count: 0, bytes: 0 };

  constructor(
    private readonly settings: StoreSettings,
    marks: ClearMarks = new ClearMarks(),
  ) {
    this.batches = new BatchIndex(marks);
  }

  /** Fills empty indices with what `dump` returned. */
  load({ queues, claims, batches, onWall, onSteady, ended }: IndexDump): void {
    const setsOf = new Map(TASK_STATES.map((state) => [state, [] as Float64Array[]]));
    for (const [name, { states: sets, bytes, flow }] of queues) {
      const queue = this.queueOf(name);
      queue.flow.load(flow);
      for (const [state, numbers] of sets) {
        queue.states[state] = RankedSet.of(numbers);
        queue.size += numbers.length;
        this.totalOf[state] += numbers.length;
        if (isFinalState(state)) this.endedTasks.count += numbers.length;
        setsOf.get(state)?.push(numbers);
      }
      for (const [state, count] of bytes) {
        queue.bytes.set(state, count);
        this.endedTasks.bytes += count;
      }
    }
    for (const [state, sets] of setsOf) this.states[state] = RankedSet.of(merged(sets));
    for (const [claim, numbers] of claims) this.claims.set(claim, new Set(numbers));
    this.batches.load(batches);
    this.onWall = Deadlines.of(onWall);
    this.onSteady = Deadlines.of(onSteady);
    this.ended = Deadlines.of(ended);
  }

  /** A copy of the indices; `undefined` when they disagree with each other or with the number of records. */
  dump(records: number): IndexDump | undefined {
    if (countIn(this.totalOf) !== records) return undefined;
    const queues = new Map<string, QueueDump>();
    for (const [name, { states, bytes, flow }] of this.queues) {
      const sets = TASK_STATES.filter((state) => states[state].size > 0);
      const dumped = flow.dump();
      const ready = dumped.lanes.reduce((sum, { numbers }) => sum + numbers.length, 0);
      if (ready !== states.queued.size || dumped.active !== states.processing.size) return undefined;
      queues.set(name, {
        states: new Map(sets.map((state) => [state, states[state].keys()])),
        bytes,
        flow: dumped,
      });
    }
    const { claims, onWall, onSteady, ended } = this;
    return {
      queues,
      claims,
      batches: this.batches.dump(),
      onWall: onWall.dump(),
      onSteady: onSteady.dump(),
      ended: ended.dump(),
    };
  }

  /** The tasks in processing, oldest first. */
  held(): readonly TaskNumber[] {
    return [...this.states.processing.keys()];
  }

  /** Updates the indices for a task's next durable record; `undefined` means no record. */
  move(number: TaskNumber, from: TaskHead | undefined, to: TaskHead | undefined): void {
    // A damaged task was removed before.
    const known = from !== undefined && this.take(number, from) ? from : undefined;
    if (to !== undefined) this.put(number, to, known);
    this.followWork(known, to);
    if (from !== undefined && to === undefined) this.forgetEmpty(from.queue);
  }

  /**
   * Removes a damaged task. When its record is unreadable, its group and size are unknown and stay counted until the
   * next start.
   *
   * @returns its previous place; `undefined` when it was not indexed
   */
  removeDamaged(
    number: TaskNumber,
    head: TaskHead | undefined,
  ): Pick<TaskHead, 'queue' | 'state'> | undefined {
    const state = TASK_STATES.find((each) => this.states[each].has(number));
    const queue = state && head?.queue ? head.queue : this.queueWith(number, state);
    if (state === undefined || queue === undefined) return undefined;
    const unknown = { state, queue, priority: 0, group: '', signature: '', revision: 0, generation: 0 };
    const from = head ?? { ...unknown, payloadBytes: 0, bytes: 0, deadline: undefined, claimKey: undefined };
    if (head === undefined && state === 'queued') this.flows.get(queue)?.ready.deleteAnywhere(number);
    this.move(number, from, undefined);
    return from;
  }

  private queueWith(number: TaskNumber, state: TaskState | undefined): string | undefined {
    if (state === undefined) return undefined;
    for (const [name, { states }] of this.queues) if (states[state].has(number)) return name;
    return undefined;
  }

  countMatching({ queues = this.queueNames(), states = TASK_STATES }: ClearFilter): number {
    let count = 0;
    for (const queue of new Set(queues))
      for (const state of new Set(states)) count += this.count(queue, state);
    return count;
  }

  /**
   * Removes all matching tasks at once, whatever their number. Their deadlines stay and are dropped when they come up.
   * The removal of their records corrects their claims and batch counts.
   */
  drop({ queues, states = TASK_STATES }: ClearFilter): Dropped {
    const dropped = { numbers: [] as RankedSet[], queues: [] as string[] };
    for (const name of [...(queues ?? this.queues.keys())]) {
      const queue = this.queues.get(name);
      const sets = queue === undefined ? [] : states.flatMap((state) => this.dropState(queue, state) ?? []);
      if (sets.length === 0) continue;
      dropped.numbers.push(...sets);
      dropped.queues.push(name);
      this.forgetEmpty(name);
    }
    if (this.queues.size === 0) {
      this.claims.clear();
      this.onWall = new Deadlines();
      this.onSteady = new Deadlines();
      this.ended = new Deadlines();
    }
    return dropped;
  }

  /** Call this when the record of a dropped task is removed. */
  forgetDropped(number: TaskNumber, { state, claimKey }: TaskHead): void {
    this.states[state].delete(number);
    if (claimKey !== undefined) this.releaseClaim(claimKey, number);
  }

  private dropState(queue: QueueIndex, state: TaskState): RankedSet | undefined {
    const numbers = queue.states[state];
    if (numbers.size === 0) return undefined;
    queue.states[state] = new RankedSet();
    queue.size -= numbers.size;
    queue.counted = undefined;
    this.totalOf[state] -= numbers.size;
    // Otherwise the numbers leave this set one by one as their records are removed, so it can include cleared
    // tasks.
    if (this.totalOf[state] === 0) this.states[state] = new RankedSet();
    if (state === 'queued') queue.flow.dropReady();
    if (state === 'processing') queue.flow.dropActive();
    if (isFinalState(state)) {
      this.endedTasks.count -= numbers.size;
      this.endedTasks.bytes -= queue.bytes.get(state) ?? 0;
      queue.bytes.delete(state);
    }
    return numbers;
  }

  /** The flow of a queue, created when missing. */
  flowOf(queue: string): QueueFlow {
    const known = this.flows.get(queue);
    if (known !== undefined) return known;
    const created = new QueueFlow();
    this.flows.set(queue, created);
    return created;
  }

  /** The same; `undefined` for a queue without tasks and settings. */
  knownFlow(queue: string): QueueFlow | undefined {
    return this.flows.get(queue);
  }

  /** Removes a queue without tasks; its settings stay. */
  forgetEmpty(queue: string): void {
    if ((this.queues.get(queue)?.size ?? 0) > 0) return;
    this.queues.delete(queue);
    if (!this.flows.get(queue)?.isConfigured) this.flows.delete(queue);
  }

  /** The task's position in the queue; `undefined` when it cannot be claimed now. */
  position(queue: string, lane: Lane, number: TaskNumber, createdAt: CreatedAt): number | undefined {
    return this.flows.get(queue)?.position(lane, number, createdAt);
  }

  /** Records that this claim call holds this task, before the claim is durable. */
  hold(claimKey: string, number: TaskNumber): void {
    const held = this.claims.get(claimKey);
    if (held === undefined) this.claims.set(claimKey, new Set([number]));
    else held.add(number);
  }

  /** Records that the claim call no longer holds this task. */
  releaseClaim(claimKey: string, number: TaskNumber): void {
    const held = this.claims.get(claimKey);
    held?.delete(number);
    if (held?.size === 0) this.claims.delete(claimKey);
  }

  heldBy(claimKey: string): readonly TaskNumber[] {
    return [...(this.claims.get(claimKey) ?? [])];
  }

  queueNames(): string[] {
    return [...this.queues.keys()];
  }

  count(queue: string, state: TaskState): number {
    return this.queues.get(queue)?.states[state].size ?? 0;
  }

  /** Counts over all queues. */
  totals(): StoreTotals {
    return {
      queued: this.totalOf.queued,
      all: countIn(this.totalOf),
    };
  }

  /**
   * The counts of a queue; `undefined` when it has no tasks. They are cached until one of its tasks changes, so the
   * cost of asking for all queues depends on the changes since.
   *
   * @param queuedAt when the oldest queued task became ready
   */
  countsOf(
    queue: string,
    queuedAt: (number: TaskNumber | undefined) => Instant | undefined,
  ): QueueCounts | undefined {
    const index = this.queues.get(queue);
    if (index === undefined) return undefined;
    index.counted ??= {
      queue,
      counts: countsIn(index.states),
      oldestQueuedAt: queuedAt(index.states.queued.first()),
    };
    return index.counted;
  }

  /**
   * Sets that contain all tasks of these queues and states, and few others: the sets of the queues or, for very many
   * queues, those of the states.
   */
  setsOf(queues: readonly string[] | undefined, states: readonly TaskState[]): readonly RankedSet[] {
    const isWide = queues === undefined || queues.length * states.length > SETS_MERGED;
    if (isWide) return states.map((state) => this.states[state]);
    return queues.flatMap((queue) => {
      const sets = this.queues.get(queue)?.states;
      return sets === undefined ? [] : states.map((state) => sets[state]).filter(({ size }) => size > 0);
    });
  }

  /**
   * Removes the deadline of a task that is due, or that exceeds the limits for ended tasks, not counting those in
   * `taken`. The task stays due until its record changes, so the caller puts every removed deadline back with
   * `restore`.
   */
  takeDue(now: Moment, taken: EndedTasks = NONE): TakenDeadline | undefined {
    const heap = this.heapThatIsDue(now, taken);
    const deadline = heap?.pop();
    return heap === undefined || deadline === undefined ? undefined : { ...deadline, heap };
  }

  /** Puts a removed deadline back. */
  restore({ heap, at, key }: TakenDeadline): void {
    heap.push(at, key);
  }

  /**
   * Refreshes the earliest deadlines: reinserts entries that moved and drops entries of removed tasks. Examines a
   * bounded number of entries.
   *
   * @param headOf may throw; the deadline then stays as it is
   * @returns whether the earliest deadlines are valid; otherwise call it again in a later turn
   */
  dropStaleDeadlines(headOf: (number: TaskNumber) => TaskHead | undefined): boolean {
    let looks = LOOKS_PER_TURN;
    for (const heap of [this.onSteady, this.onWall, this.ended]) {
      for (let top = heap.top; top !== undefined; top = heap.top) {
        const head = readable(headOf, top.key);
        if (head === 'damaged' || (head?.deadline === top.at && this.deadlinesOf(head) === heap)) break;
        heap.pop();
        if (head !== undefined) this.postpone(top.key, head);
        looks -= 1;
        if (looks === 0) return false;
      }
    }
    return true;
  }

  /**
   * Cleans out some stale deadlines when most entries are stale. Examines a bounded number of entries.
   *
   * @param headOf may throw; the deadline then stays as it is
   * @returns whether the cleaning is complete; otherwise call it again in a later turn
   */
  compactDeadlines(headOf: (number: TaskNumber) => TaskHead | undefined): boolean {
    for (const [deadlines, states] of [
      [this.onSteady, HELD_STATES],
      [this.onWall, WAITING_STATES],
      [this.ended, FINAL_STATES],
    ] as const) {
      const tasks = states.reduce((sum, state) => sum + this.totalOf[state], 0);
      if (!deadlines.isCrowded(tasks)) continue;
      deadlines.compact(LOOKS_PER_TURN, (number) => {
        // This check finds nearly all stale entries without reading a record.
        if (!states.some((state) => this.states[state].has(number))) return undefined;
        const head = readable(headOf, number);
        if (head === undefined || head === 'damaged') return head;
        return this.deadlinesOf(head) === deadlines ? head.deadline : undefined;
      });
      return false;
    }
    return true;
  }

  /** Number of kept deadlines, including stale ones. */
  get deadlines(): number {
    return this.onSteady.size + this.onWall.size + this.ended.size;
  }

  /** Milliseconds until a task may be due. */
  untilDue(now: Moment): number | undefined {
    if (this.isOverLimits() && this.ended.size > 0) return 0;
    const wait = Math.min(
      this.onSteady.next - now.steady,
      this.onWall.next - now.wall,
      retentionEnd(this.ended.next, this.settings.retention) - now.wall,
    );
    return wait === Infinity ? undefined : Math.max(wait, 0);
  }

  private heapThatIsDue(now: Moment, taken: EndedTasks): Deadlines | undefined {
    if (this.onSteady.next <= now.steady) return this.onSteady;
    if (this.onWall.next <= now.wall) return this.onWall;
    const isDue = retentionEnd(this.ended.next, this.settings.retention) <= now.wall;
    return isDue || this.isOverLimits(taken) ? this.ended : undefined;
  }

  private postpone(number: TaskNumber, head: TaskHead): void {
    if (head.deadline !== undefined) this.deadlinesOf(head).push(head.deadline, number);
  }

  /** Whether the ended tasks, without those in `taken`, exceed the retention limits. */
  private isOverLimits(taken: EndedTasks = NONE): boolean {
    const { retentionMaxTasks, retentionMaxBytes } = this.settings;
    return (
      this.endedTasks.count - taken.count > retentionMaxTasks ||
      this.endedTasks.bytes - taken.bytes > retentionMaxBytes
    );
  }

  /** False when the task was not indexed. */
  private take(number: TaskNumber, head: TaskHead): boolean {
    const queue = this.queueOf(head.queue);
    if (!queue.states[head.state].delete(number)) return false;
    queue.counted = undefined;
    this.states[head.state].delete(number);
    this.totalOf[head.state] -= 1;
    if (head.state === 'queued') queue.flow.ready.delete(head, number);
    queue.size -= 1;
    if (head.claimKey !== undefined) this.releaseClaim(head.claimKey, number);
    if (isFinalState(head.state)) {
      this.endedTasks.count -= 1;
      this.endedTasks.bytes -= head.bytes;
      queue.bytes.set(head.state, (queue.bytes.get(head.state) ?? 0) - head.bytes);
    }
    return true;
  }

  private put(number: TaskNumber, head: TaskHead, from: TaskHead | undefined): void {
    const queue = this.queueOf(head.queue);
    queue.size += 1;
    queue.states[head.state].add(number);
    queue.counted = undefined;
    this.states[head.state].add(number);
    this.totalOf[head.state] += 1;
    if (head.state === 'queued') queue.flow.ready.add(head, number);
    if (head.claimKey !== undefined) this.hold(head.claimKey, number);
    if (isFinalState(head.state)) {
      this.endedTasks.count += 1;
      this.endedTasks.bytes += head.bytes;
      queue.bytes.set(head.state, (queue.bytes.get(head.state) ?? 0) + head.bytes);
    }
    // A heartbeat postpones the deadline: the existing entry comes up earlier and is reinserted then.
    const isLater = from?.state === head.state && (from.deadline ?? Infinity) <= (head.deadline ?? Infinity);
    if (!isLater) this.postpone(number, head);
  }

  /** Counts the tasks in processing. A queued task was counted when it was claimed. */
  private followWork(from: TaskHead | undefined, to: TaskHead | undefined): void {
    if (from?.state === 'processing' && to?.state !== 'processing') this.flowOf(from.queue).leave(from.group);
    const isCounted = from?.state === 'processing' || from?.state === 'queued';
    if (to?.state === 'processing' && !isCounted) this.flowOf(to.queue).enter(to.group);
  }

  private deadlinesOf(head: TaskHead): Deadlines {
    if (isFinalState(head.state)) return this.ended;
    return head.state === 'processing' ? this.onSteady : this.onWall;
  }

  private queueOf(name: string): QueueIndex {
    const known = this.queues.get(name);
    if (known !== undefined) return known;
    const flow = this.flowOf(name);
    const created: QueueIndex = {
      flow,
      states: emptySets(),
      bytes: new Map(),
      size: 0,
      counted: undefined,
    };
    this.queues.set(name, created);
    return created;
  }
}

/**
 * The head of a task; `damaged` when its record is unreadable. The next caller that needs the task reports the damage.
 */
function readable(
  headOf: (number: TaskNumber) => TaskHead | undefined,
  number: TaskNumber,
): TaskHead | 'damaged' | undefined {
  try {
    return headOf(number);
  } catch {
    return 'damaged';
  }
}

function emptySets(): StateSets {
  return Object.fromEntries(TASK_STATES.map((state) => [state, new RankedSet()])) as unknown as StateSets;
}

function countsIn(states: StateSets): StateCounts {
  return Object.fromEntries(TASK_STATES.map((state) => [state, states[state].size])) as StateCounts;
}
