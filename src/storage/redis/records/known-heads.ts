import type { ProcessingTask, Task, TaskSpec } from '../../../task/task.js';
import { TaskOrigins } from '../../task-origins.js';
import { RecentMap } from './recent-map.js';
import { decodeTask, nonceOf, revisionOf } from './task-codec.js';

/** The most claims whose held tasks are cached: some kilobytes each. */
const MOST_HELD = 10_000;

/** A task as it was read; no head when there is no such task. */
export type FoundFields = readonly [head: string | null, ...(string | null)[]];

interface HeldTask {
  readonly task: ProcessingTask;
  /** The head of its record. */
  readonly head: string;
}

/**
 * The heads of records that this process has read or written. A write succeeds only if the head that it names is the
 * present one. Of processing tasks, the last written task is cached too. Another process may have written since; then
 * the store refuses the write.
 */
export class KnownHeads {
  private readonly read = new TaskOrigins<string>();
  private readonly nonces = new TaskOrigins<string>();
  private readonly held = new RecentMap<string, HeldTask>(MOST_HELD);

  /** Reads a record, and remembers its head. */
  decode([head, spec, core, lease]: FoundFields): Task | undefined {
    if (head === null) return undefined;
    const task = decodeTask([head, spec ?? '', core ?? '', lease ?? '']);
    this.read.note(task.spec, head);
    return task;
  }

  /** A task in processing as this process last wrote it. */
  recall(id: string): Task | undefined {
    return this.held.get(id)?.task;
  }

  /**
   * The head of this revision, if this process read or wrote the task at it. The life cycle passes the spec on
   * unchanged, so the spec distinguishes the task from others with its id.
   */
  headOf(spec: TaskSpec, revision: number): string | undefined {
    const held = this.held.get(spec.id);
    if (held?.task.spec === spec && held.task.revision === revision) return held.head;
    const head = this.read.of(spec);
    return head !== undefined && revisionOf(head) === revision ? head : undefined;
  }

  /** Caches the nonce of the insert of a task whose head is not known yet. */
  rememberInsert(spec: TaskSpec, nonce: string): void {
    this.nonces.note(spec, nonce);
  }

  /** Whether a task may come from an insert of this process; undefined for a task of another process. */
  isInsert(spec: TaskSpec, head: string): boolean | undefined {
    const nonce = this.nonces.of(spec);
    return nonce === undefined ? undefined : nonceOf(head) === nonce;
  }

  /** Caches what a script has written. */
  rememberWrite(task: Task, head: string): void {
    if (task.state === 'processing') this.held.set(task.spec.id, { task, head });
    else this.held.forget(task.spec.id);
  }

  /** A write of this task was refused. */
  forget(task: Task): void {
    this.held.forget(task.spec.id);
  }

  /** Redis may have lost writes. */
  forgetWrites(): void {
    this.held.clear();
  }
}
