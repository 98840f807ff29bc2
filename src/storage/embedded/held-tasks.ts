import type { Task } from '../../task/task.js';
import type { TaskNumber } from './task-number.js';
import type { TaskHead } from './task-record.js';

/** Maximum number of cached tasks: a few MiB, and more than one process has workers for. */
const MOST_TASKS = 4_096;

/** A task's newest durable record. */
export interface HeldTask {
  readonly number: TaskNumber;
  readonly head: TaskHead;
  readonly task: Task;
}

/**
 * Caches the most recent durable records of tasks in processing. A completion then reads nothing from the file. Without
 * the cache it took three reads and two decodings, 13 % of a cycle's main thread time.
 */
export class HeldTasks {
  private readonly byId = new Map<string, HeldTask>();

  get(id: string): HeldTask | undefined {
    return this.byId.get(id);
  }

  /**
   * Call this when a write of the task is durable; `undefined`: the task was removed, or its record is not complete.
   */
  follow(id: string, written: HeldTask | undefined): void {
    this.byId.delete(id);
    if (written?.head.state !== 'processing') return;
    this.byId.set(id, written);
    if (this.byId.size > MOST_TASKS) this.forgetOldest();
  }

  /** Drops the tasks that a clear covers. */
  forgetAll(isCleared: (head: TaskHead) => boolean): void {
    for (const [id, { head }] of this.byId) if (isCleared(head)) this.byId.delete(id);
  }

  private forgetOldest(): void {
    for (const id of this.byId.keys()) {
      this.byId.delete(id);
      return;
    }
  }
}
