import { after, type Moment } from '../../task/clock.js';
import { TASK_STATES, type TaskState } from '../../task/task.js';
import type { StoreSettings } from '../task-store.js';
import { BatchIndex } from './batch-index.js';
import { DeadlineHeap } from './deadline-heap.js';
import { RankedSet } from './ranked-set.js';
import type { TaskHead } from './task.record.js';

/** The number the store gave a task when it accepted it: its age, and its key on disk. */
export type TaskNumber = number;

// A place in a queue is one number: priority first, age second. 2 ** 42 tasks are enough for a century at 1,000 a
// second, and 2,001 priorities times that still fit the 53 bits of a double.
const AGES = 2 ** 42;
const HIGHEST_PRIORITY = 1000;

function placeOf(priority: number, number: TaskNumber): number {
  return (HIGHEST_PRIORITY - priority) * AGES + number;
}

/** One queue as the index sees it. */
interface QueueIndex {
  /** What may be claimed, best first. A claim takes its task out before it is durable. */
  readonly ready: RankedSet;
  /** All tasks of the queue by state, oldest first. */
  readonly states: Record<TaskState, RankedSet>;
  /** Tasks in all states; a queue without any is forgotten. */
  size: number;
}

function emptyQueue(): QueueIndex {
  const states = Object.fromEntries(TASK_STATES.map((state) => [state, new RankedSet()]));
  return { ready: new RankedSet(), states: states as Record<TaskState, RankedSet>, size: 0 };
}

/** How many ended tasks, and how large together. */
export interface EndedTasks {
  readonly count: number;
  readonly bytes: number;
}

const NONE: EndedTasks = { count: 0, bytes: 0 };

/** Whether a task with this head is kept for its retention only. */
export function hasEnded(head: TaskHead): boolean {
  return head.state !== 'queued' && head.state !== 'delayed' && head.state !== 'processing';
}

/**
 * What the embedded store keeps in memory: which tasks wait where, and what is due when. Numbers only, 8 to 40 bytes
 * a task; everything else stays on disk. It is rebuilt from the records at start.
 */
export class TaskIndex {
  private readonly queues = new Map<string, QueueIndex>();
  readonly batches = new BatchIndex();
  private readonly claims = new Map<string, Set<TaskNumber>>();
  private readonly onWall = new DeadlineHeap();
  private readonly onSteady = new DeadlineHeap();
  private readonly ended = new DeadlineHeap();
  private readonly endedTasks = { count: 0, bytes: 0 };

  constructor(private readonly settings: StoreSettings) {}

  /** Follows a task from one durable record to the next; `undefined` when there is none. */
  move(number: TaskNumber, from: TaskHead | undefined, to: TaskHead | undefined): void {
    if (from !== undefined) this.take(number, from);
    if (to !== undefined) this.put(number, to, from);
    else if (from !== undefined && this.queues.get(from.queue)?.size === 0) this.queues.delete(from.queue);
  }

  /** Takes the best ready task out of a queue. The caller leases it, and the index learns of it by `move`. */
  takeReady(queue: string): TaskNumber | undefined {
    const place = this.queues.get(queue)?.ready.shift();
    return place === undefined ? undefined : place % AGES;
  }

  /** 1-based; `undefined` when the task cannot be claimed now. */
  position(queue: string, priority: number, number: TaskNumber): number | undefined {
    const ready = this.queues.get(queue)?.ready;
    const place = placeOf(priority, number);
    return ready?.has(place) ? ready.rank(place) + 1 : undefined;
  }

  /** Remembers that this claim call holds this task, before that is durable. */
  hold(claimKey: string, number: TaskNumber): void {
    const held = this.claims.get(claimKey);
    if (held === undefined) this.claims.set(claimKey, new Set([number]));
    else held.add(number);
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

  oldest(queue: string, state: TaskState): TaskNumber | undefined {
    return this.queues.get(queue)?.states[state].first();
  }

  /** The youngest task of these queues and states that is older than `limit`. */
  youngestBelow(
    limit: TaskNumber,
    queues: Iterable<string>,
    states: readonly TaskState[],
  ): TaskNumber | undefined {
    let youngest: TaskNumber | undefined;
    for (const queue of queues) {
      for (const state of states) {
        const number = this.queues.get(queue)?.states[state].below(limit);
        if (number !== undefined && (youngest === undefined || number > youngest)) youngest = number;
      }
    }
    return youngest;
  }

  /**
   * Takes out the number of a task that is due, or over the limits for ended tasks when those in `taken` are gone. It
   * stays due until its record says otherwise: whoever has taken all it wants puts them back by `postpone`.
   */
  takeDue(now: Moment, taken: EndedTasks = NONE): TaskNumber | undefined {
    if (this.onSteady.next <= now.steady) return this.onSteady.pop()?.key;
    if (this.onWall.next <= now.wall) return this.onWall.pop()?.key;
    const isDue = after(this.ended.next, this.settings.retention) <= now.wall;
    return isDue || this.isOverLimits(taken) ? this.ended.pop()?.key : undefined;
  }

  /** Puts a task that `takeDue` gave back among the deadlines. */
  postpone(number: TaskNumber, head: TaskHead): void {
    if (head.deadline === undefined) return;
    this.deadlinesOf(head).push(head.deadline, number);
  }

  /** Makes the earliest deadlines true ones: what has moved is put where it belongs, what is gone is dropped. */
  dropStaleDeadlines(headOf: (number: TaskNumber) => TaskHead | undefined): void {
    for (const heap of [this.onSteady, this.onWall, this.ended]) {
      for (let top = heap.top; top !== undefined; top = heap.top) {
        const head = headOf(top.key);
        if (head?.deadline === top.at && this.deadlinesOf(head) === heap) break;
        heap.pop();
        if (head !== undefined) this.postpone(top.key, head);
      }
    }
  }

  /** Milliseconds until something may be due. */
  untilDue(now: Moment): number | undefined {
    if (this.isOverLimits() && this.ended.size > 0) return 0;
    const wait = Math.min(
      this.onSteady.next - now.steady,
      this.onWall.next - now.wall,
      after(this.ended.next, this.settings.retention) - now.wall,
    );
    return wait === Infinity ? undefined : Math.max(wait, 0);
  }

  /** Whether more ended tasks are kept than the settings allow, not counting those in `taken`. */
  private isOverLimits(taken: EndedTasks = NONE): boolean {
    const { retentionMaxTasks, retentionMaxBytes } = this.settings;
    return (
      this.endedTasks.count - taken.count > retentionMaxTasks ||
      this.endedTasks.bytes - taken.bytes > retentionMaxBytes
    );
  }

  private take(number: TaskNumber, head: TaskHead): void {
    const queue = this.queueOf(head.queue);
    queue.states[head.state].delete(number);
    if (head.state === 'queued') queue.ready.delete(placeOf(head.priority, number));
    queue.size -= 1;
    if (head.claimKey !== undefined) this.letGo(head.claimKey, number);
    if (!hasEnded(head)) return;
    this.endedTasks.count -= 1;
    this.endedTasks.bytes -= head.bytes;
  }

  private put(number: TaskNumber, head: TaskHead, from: TaskHead | undefined): void {
    const queue = this.queueOf(head.queue);
    queue.size += 1;
    queue.states[head.state].add(number);
    if (head.state === 'queued') queue.ready.add(placeOf(head.priority, number));
    if (head.claimKey !== undefined) this.hold(head.claimKey, number);
    if (hasEnded(head)) {
      this.endedTasks.count += 1;
      this.endedTasks.bytes += head.bytes;
    }
    // A heartbeat moves the deadline out: the entry that is there comes up earlier and is put back then.
    const isLater = from?.state === head.state && (from.deadline ?? Infinity) <= (head.deadline ?? Infinity);
    if (!isLater) this.postpone(number, head);
  }

  private letGo(claimKey: string, number: TaskNumber): void {
    const held = this.claims.get(claimKey);
    held?.delete(number);
    if (held?.size === 0) this.claims.delete(claimKey);
  }

  private deadlinesOf(head: TaskHead): DeadlineHeap {
    if (hasEnded(head)) return this.ended;
    return head.state === 'processing' ? this.onSteady : this.onWall;
  }

  private queueOf(name: string): QueueIndex {
    const known = this.queues.get(name);
    if (known !== undefined) return known;
    const created = emptyQueue();
    this.queues.set(name, created);
    return created;
  }
}
