import type { Task } from '../../task/task.js';
import type { TaskNumber } from './task-number.js';
import type { TaskHead } from './task.record.js';

/** Tasks that are remembered: a few MiB, and more than a process has workers for. */
const MOST_TASKS = 4_096;

/** The newest record of a task, which is on disk. */
export interface HeldTask {
  readonly number: TaskNumber;
  readonly head: TaskHead;
  readonly task: Task;
}

/**
 * The tasks in processing that were written last, as they are on disk. Whoever reports on a task finds it here: a
 * completion reads nothing from the file, where it took three reads and two decodings (13 % of the main thread of a cycle).
 */
export class HeldTasks {
  private readonly byId = new Map<string, HeldTask>();

  get(id: string): HeldTask | undefined {
    return this.byId.get(id);
  }

  /** To be called when the write of a task is durable; `undefined`: it is gone, or not known whole. */
  follow(id: string, written: HeldTask | undefined): void {
    this.byId.delete(id);
    if (written?.head.state !== 'processing') return;
    this.byId.set(id, written);
    if (this.byId.size > MOST_TASKS) this.forgetOldest();
  }

  /** Forgets those that a clear has taken. */
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
