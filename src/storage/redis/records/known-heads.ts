import type { ProcessingTask, Task, TaskSpec } from '../../../task/task.js';
import { TaskOrigins } from '../../task-origins.js';
import { RecentMap } from './recent-map.js';
import { decodeTask, nonceOf, revisionOf } from './task-codec.js';

/** The most claims whose held tasks are cached: some kilobytes each. */
const MOST_HELD = 10_000;

/** A task as it was read, or no head for no such task. */
export type FoundFields = readonly [head: string | null, ...(string | null)[]];

interface HeldTask {
  readonly task: ProcessingTask;
  /** Of its record. */
  readonly head: string;
}

/**
 * The heads of the records that this process has read or written: a write goes through as long as the head that it names
 * is the present one. Of tasks in processing it remembers the task as well, as it last wrote it. Other processes may have
 * written since, so the store refuses a head that is out of date.
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
   * The head of this revision, if the task was read or written at it. The life cycle hands the spec on as it is, so it tells
   * the task from others of its id.
   */
  headOf(spec: TaskSpec, revision: number): string | undefined {
    const held = this.held.get(spec.id);
    if (held?.task.spec === spec && held.task.revision === revision) return held.head;
    const head = this.read.of(spec);
    return head !== undefined && revisionOf(head) === revision ? head : undefined;
  }

  /** Remembers which insert a task came from, whose head was not read yet. */
  rememberInsert(spec: TaskSpec, nonce: string): void {
    this.nonces.note(spec, nonce);
  }

  /** Whether a task that was read may be one that was inserted here; undefined for a task of another process. */
  isInsert(spec: TaskSpec, head: string): boolean | undefined {
    const nonce = this.nonces.of(spec);
    return nonce === undefined ? undefined : nonceOf(head) === nonce;
  }

  /** Remembers what a script has written. */
  rememberWrite(task: Task, head: string): void {
    if (task.state === 'processing') this.held.set(task.spec.id, { task, head });
    else this.held.forget(task.spec.id);
  }

  /** A write of this task was refused. */
  forget(task: Task): void {
    this.held.forget(task.spec.id);
  }

  /** What was written may be lost. */
  forgetWrites(): void {
    this.held.clear();
  }
}
