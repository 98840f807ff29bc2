import { type Instant, type Moment } from '../../task/clock.js';
import {
  isFinalState,
  TASK_STATES,
  type TaskState,
  type StateCounts,
  countIn,
} from '../../task/task-state.js';
import type { QueueCounts, StoreSettings, StoreTotals } from '../task-store.js';
import { BatchIndex } from './batch-index.js';
import { type ClearFilter, ClearMarks } from './clear-marks.js';
import type { Deadline } from './deadline-heap.js';
import { Deadlines } from './deadlines.js';
import { QueueFlow } from './queue-flow.js';
import { RankedSet } from './ranked-set.js';
import type { Lane } from './ready-lanes.js';
import type { TaskNumber } from './task-number.js';
import type { TaskHead } from './task.record.js';
import { retentionEnd } from '../../task/task.machine.js';

export type { TaskNumber };

/** One queue as the index sees it. */
interface QueueIndex {
  /** What may be claimed, and what holds it back. A claim takes its task out before it is durable. */
  readonly flow: QueueFlow;
  /** All tasks of the queue by state, oldest first. */
  readonly states: StateSets;
  /** Bytes of those that have ended, by state. */
  readonly bytes: Map<TaskState, number>;
  /** Tasks in all states; a queue without any is forgotten. */
  size: number;
  /** What was answered last, as long as it is true. */
  counted: QueueCounts | undefined;
}

type StateSets = Record<TaskState, RankedSet>;
type Totals = Record<TaskState, number>;

/** How many ended tasks, and how large together. */
export interface EndedTasks {
  readonly count: number;
  readonly bytes: number;
}

/** What was taken out at once. */
export interface Dropped {
  readonly numbers: readonly RankedSet[];
  readonly queues: readonly string[];
}

type CreatedAt = (number: TaskNumber) => Instant;

/** A deadline that was taken out, and where it belongs. */
export interface TakenDeadline extends Deadline {
  readonly heap: Deadlines;
}

/** Sets that a list merges at most. */
const SETS_MERGED = 1_000;

/** Deadlines that one turn looks at: a few milliseconds. */
const LOOKS_PER_TURN = 1_000;

const HELD_STATES = ['processing'] as const;
const WAITING_STATES = ['delayed', 'queued'] as const;
const FINAL_STATES = TASK_STATES.filter(isFinalState);

const NONE: EndedTasks = { count: 0, bytes: 0 };

/**
 * What the embedded store keeps in memory: which tasks wait where, and what is due when. Numbers only, 8 to 40 bytes
 * a task; everything else stays on disk. It is rebuilt from the records at start.
 */
export class TaskIndex {
  private readonly queues = new Map<string, QueueIndex>();
  /** The tasks of all queues, and those that were cleared and are still in the file. */
  private readonly states = emptySets();
  /** How many tasks of all queues are in each state. */
  private readonly totalOf = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Totals;
  readonly batches: BatchIndex;
  /** Those of queues with tasks, and of those for which something is set. */
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

  /** Follows a task from one durable record to the next; `undefined` when there is none. */
  move(number: TaskNumber, from: TaskHead | undefined, to: TaskHead | undefined): void {
    // One that was found damaged was taken out before.
    const known = from !== undefined && this.take(number, from) ? from : undefined;
    if (to !== undefined) this.put(number, to, known);
    this.followWork(known, to);
    if (from !== undefined && to === undefined) this.forgetEmpty(from.queue);
  }

  /**
   * Takes a task out that was found damaged. Where its record cannot be read, its group and its bytes are unknown: they
   * stay counted until the next start.
   *
   * @returns where it was; `undefined` when it was not there
   */
  takeDamaged(number: TaskNumber, head: TaskHead | undefined): Pick<TaskHead, 'queue' | 'state'> | undefined {
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
   * Takes all tasks that match out at once, however many they are. Their deadlines stay, to be dropped when they come up;
   * their claims and what their batches count are put right by whoever removes the records.
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

  /** To be called when the record of a task that was dropped is gone. */
  forgetDropped(number: TaskNumber, { state, claimKey }: TaskHead): void {
    this.states[state].delete(number);
    if (claimKey !== undefined) this.letGo(claimKey, number);
  }

  private dropState(queue: QueueIndex, state: TaskState): RankedSet | undefined {
    const numbers = queue.states[state];
    if (numbers.size === 0) return undefined;
    queue.states[state] = new RankedSet();
    queue.size -= numbers.size;
    queue.counted = undefined;
    this.totalOf[state] -= numbers.size;
    // Otherwise the numbers leave this set one by one, when their records go: it says what may be there.
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

  /** What a queue hands out, and when. */
  flowOf(queue: string): QueueFlow {
    const known = this.flows.get(queue);
    if (known !== undefined) return known;
    const created = new QueueFlow();
    this.flows.set(queue, created);
    return created;
  }

  /** The same; `undefined` when there is neither a task nor a setting. */
  knownFlow(queue: string): QueueFlow | undefined {
    return this.flows.get(queue);
  }

  /** Forgets a queue without tasks; what is set for it stays. */
  forgetEmpty(queue: string): void {
    if ((this.queues.get(queue)?.size ?? 0) > 0) return;
    this.queues.delete(queue);
    if (!this.flows.get(queue)?.isConfigured) this.flows.delete(queue);
  }

  /** Counts what waits before a task and its group; `undefined` when the task cannot be claimed now. */
  position(queue: string, lane: Lane, number: TaskNumber, createdAt: CreatedAt): number | undefined {
    return this.flows.get(queue)?.position(lane, number, createdAt);
  }

  /** Remembers that this claim call holds this task, before that is durable. */
  hold(claimKey: string, number: TaskNumber): void {
    const held = this.claims.get(claimKey);
    if (held === undefined) this.claims.set(claimKey, new Set([number]));
    else held.add(number);
  }

  /** The claim call holds this task no longer. */
  letGo(claimKey: string, number: TaskNumber): void {
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

  /** Tasks of all queues. */
  totals(): StoreTotals {
    return {
      queued: this.totalOf.queued,
      all: countIn(this.totalOf),
    };
  }

  /**
   * The counts of a queue, `undefined` when it has no tasks. They are remembered until one of its tasks moves, so asking
   * for all queues costs what has changed since.
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
   * Sets of numbers that have all tasks of these queues and states, and few others: those of the queues, or, of very many
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
   * Takes out the deadline of a task that is due, or over the limits for ended tasks when those in `taken` are gone. The
   * task stays due until its record says otherwise: the caller puts all that it has taken back by `restore`.
   */
  takeDue(now: Moment, taken: EndedTasks = NONE): TakenDeadline | undefined {
    const heap = this.heapThatIsDue(now, taken);
    const deadline = heap?.pop();
    return heap === undefined || deadline === undefined ? undefined : { ...deadline, heap };
  }

  /** Puts a deadline back that was taken out. */
  restore({ heap, at, key }: TakenDeadline): void {
    heap.push(at, key);
  }

  /**
   * Makes the earliest deadlines true ones: what has moved is put where it belongs, what is gone is dropped. Looks at a
   * bounded number of them.
   *
   * @param headOf may throw; then that deadline stays as it is
   * @returns whether all are true now; otherwise call it again in a later turn
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
   * Sorts some deadlines out, when most of them are of tasks that have moved on. Looks at a bounded number of them.
   *
   * @param headOf may throw; then the deadline stays as it is
   * @returns whether there is nothing to sort out now; otherwise call it again in a later turn
   */
  sortDeadlinesOut(headOf: (number: TaskNumber) => TaskHead | undefined): boolean {
    for (const [deadlines, states] of [
      [this.onSteady, HELD_STATES],
      [this.onWall, WAITING_STATES],
      [this.ended, FINAL_STATES],
    ] as const) {
      const tasks = states.reduce((sum, state) => sum + this.totalOf[state], 0);
      if (!deadlines.isCrowded(tasks)) continue;
      deadlines.sortOut(LOOKS_PER_TURN, (number) => {
        // Nearly all that are stale are known by this, without a look at the record.
        if (!states.some((state) => this.states[state].has(number))) return undefined;
        const head = readable(headOf, number);
        if (head === undefined || head === 'damaged') return head;
        return this.deadlinesOf(head) === deadlines ? head.deadline : undefined;
      });
      return false;
    }
    return true;
  }

  /** Deadlines that are kept, stale ones too. */
  get deadlines(): number {
    return this.onSteady.size + this.onWall.size + this.ended.size;
  }

  /** Milliseconds until something may be due. */
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

  /** Whether more ended tasks are kept than the settings allow, not counting those in `taken`. */
  private isOverLimits(taken: EndedTasks = NONE): boolean {
    const { retentionMaxTasks, retentionMaxBytes } = this.settings;
    return (
      this.endedTasks.count - taken.count > retentionMaxTasks ||
      this.endedTasks.bytes - taken.bytes > retentionMaxBytes
    );
  }

  /** False when it was not there. */
  private take(number: TaskNumber, head: TaskHead): boolean {
    const queue = this.queueOf(head.queue);
    if (!queue.states[head.state].delete(number)) return false;
    queue.counted = undefined;
    this.states[head.state].delete(number);
    this.totalOf[head.state] -= 1;
    if (head.state === 'queued') queue.flow.ready.delete(head, number);
    queue.size -= 1;
    if (head.claimKey !== undefined) this.letGo(head.claimKey, number);
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
    // A heartbeat moves the deadline out: the entry that is there comes up earlier and is put back then.
    const isLater = from?.state === head.state && (from.deadline ?? Infinity) <= (head.deadline ?? Infinity);
    if (!isLater) this.postpone(number, head);
  }

  /** Counts who is being worked on. A task that was queued was counted when it was handed out. */
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

/** The head of a task, unless its record cannot be read: that is found, and told, by whoever needs the task. */
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
