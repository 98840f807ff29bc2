import type { Task, TaskSpec } from '../../../task/task.js';
import { TaskOrigins } from '../../task-origins.js';
import { decodeTask, nonceOf, revisionOf } from './task.codec.js';

/** A task as it was read, or no head for no such task. */
export type FoundFields = readonly [head: string | null, ...(string | null)[]];

/** Reads records, and remembers the head of each task that was read: a write goes through as long as it is the present one. */
export class TaskRecords {
  private readonly heads = new TaskOrigins<string>();
  private readonly nonces = new TaskOrigins<string>();

  decode([head, spec, core, lease]: FoundFields): Task | undefined {
    if (head === null) return undefined;
    const task = decodeTask([head, spec ?? '', core ?? '', lease ?? '']);
    this.heads.note(task.spec, head);
    return task;
  }

  /** Remembers which insert a task came from, whose head nobody has read yet. */
  noteInsert(spec: TaskSpec, nonce: string): void {
    this.nonces.note(spec, nonce);
  }

  /** Whether a task that was read may be one that was inserted here; undefined for a task of somebody else. */
  isInsert(spec: TaskSpec, head: string): boolean | undefined {
    const nonce = this.nonces.of(spec);
    return nonce === undefined ? undefined : nonceOf(head) === nonce;
  }

  /** The head of this revision, if the task was read at it. */
  headOf(spec: TaskSpec, revision: number): string | undefined {
    const head = this.heads.of(spec);
    return head !== undefined && revisionOf(head) === revision ? head : undefined;
  }
}
