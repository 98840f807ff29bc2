import type { Instant } from '../../task/clock.js';
import { type Deadline, DeadlineHeap, type HeapDump } from './deadline-heap.js';
import { RankedSet } from './ranked-set.js';
import type { TaskNumber } from './task-number.js';

/** Stale deadlines that are always tolerated: 64 KiB. */
const SPARE = 4_096;

/** When a task is due; `undefined` when it has no deadline, `damaged` when its record is unreadable. */
export type DueBy = (number: TaskNumber) => Instant | 'damaged' | undefined;

/**
 * Deadlines of tasks on one time scale, earliest first. Most entries become stale because the task changes before its
 * deadline. A stale entry stays until its time, which may be a day later. When more than half are stale, they are
 * removed in small steps by copying the others into a fresh heap.
 */
export class Deadlines {
  private heap = new DeadlineHeap();
  /** The heap being cleaned, and the tasks found in it. */
  private sorting: { readonly heap: DeadlineHeap; readonly found: RankedSet } | undefined;
  /** Number of entries left by the last cleaning. */
  private sorted = 0;

  static of(dump: HeapDump): Deadlines {
    const deadlines = new Deadlines();
    deadlines.heap = DeadlineHeap.of(dump);
    return deadlines;
  }

  /** All entries. Ends a cleaning that is under way. */
  dump(): HeapDump {
    const { sorting } = this;
    this.sorting = undefined;
    for (let entry = sorting?.heap.takeLast(); entry !== undefined; entry = sorting?.heap.takeLast())
      this.heap.push(entry.at, entry.key);
    return this.heap.dump();
  }

  get size(): number {
    return this.heap.size + (this.sorting?.heap.size ?? 0);
  }

  /** When the earliest is due; `Infinity` when there is none. */
  get next(): Instant {
    return this.first.next;
  }

  get top(): Deadline | undefined {
    return this.first.top;
  }

  push(at: Instant, number: TaskNumber): void {
    this.heap.push(at, number);
  }

  pop(): Deadline | undefined {
    return this.first.pop();
  }

  /** Whether to clean out stale entries. @param tasks maximum number of tasks with a deadline */
  isCrowded(tasks: number): boolean {
    return this.sorting !== undefined || this.heap.size > Math.max(2 * tasks + SPARE, 2 * this.sorted);
  }

  /** Cleans up to `count` entries. */
  compact(count: number, dueBy: DueBy): void {
    if (this.sorting === undefined) {
      this.sorting = { heap: this.heap, found: new RankedSet() };
      this.heap = new DeadlineHeap();
    }
    const { heap, found } = this.sorting;
    for (let looks = 0; looks < count && heap.size > 0; looks += 1) {
      const entry = heap.takeLast();
      if (entry === undefined || found.has(entry.key)) continue;
      const at = dueBy(entry.key);
      if (at === 'damaged') this.heap.push(entry.at, entry.key);
      else if (at !== undefined && found.add(entry.key)) this.heap.push(at, entry.key);
    }
    if (heap.size > 0) return;
    this.sorting = undefined;
    this.sorted = this.heap.size;
  }

  private get first(): DeadlineHeap {
    const old = this.sorting?.heap;
    if (old === undefined || old.next > this.heap.next) return this.heap;
    const isSmaller = (old.top?.key ?? Infinity) < (this.heap.top?.key ?? Infinity);
    return old.next < this.heap.next || isSmaller ? old : this.heap;
  }
}
