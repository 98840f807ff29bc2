import type { Task, TaskSpec } from '../../task/task.js';
import { decodeTask, nonceOf, type TaskFields } from './task.codec.js';

/** A task as it was read, or undefined for no such task. */
export type FoundFields = readonly [head: string | null, ...(string | null)[]];

/**
 * Reads records, and remembers of each task which insert it came from: the life cycle hands the spec on from one state
 * to the next as it is.
 */
export class TaskRecords {
  private readonly nonces = new WeakMap<TaskSpec, string>();

  decode([head, spec, core, lease]: FoundFields): Task | undefined {
    if (head === null) return undefined;
    const fields: TaskFields = [head, spec ?? '', core ?? '', lease ?? ''];
    const task = decodeTask(fields);
    this.nonces.set(task.spec, nonceOf(head));
    return task;
  }

  remember(task: Task, nonce: string): void {
    this.nonces.set(task.spec, nonce);
  }

  /** Empty for a task that was not read here. */
  nonceOf(task: Task): string {
    return this.nonces.get(task.spec) ?? '';
  }
}
