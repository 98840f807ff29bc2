import type { Clock, Seconds } from '../task/clock.js';
import type { Labels } from '../task/requirements.js';
import type { Grant, Transition } from '../task/task.machine.js';
import {
  type Attempt,
  type DelayedTask,
  type ProcessingTask,
  type QueuedTask,
  type Task,
  type TransitionType,
} from '../task/task.js';
import type { DocumentStore } from './document-store.js';
import type { Outbox } from './outbox.js';
import type { EventLog } from './event-log.js';
import { FormerTaskStore } from './former-names.js';
import type { CommittedTransition } from './transitions.js';
import type { QueueSettingsStore } from './queue-settings-store.js';
import type { LogLimits, TaskLogs } from './task-logs.js';
import type { TaskFilter, TaskViews } from './task-views.js';

/** Calls on up to this many tasks are one commit. No request covers more. */
export const TASKS_PER_COMMIT = 1_000;

/**
 * The task's payload, as the text between the braces of a JSON object: `"code":"…","metadata":{…}`. The service never
 * parses it, so workers receive exactly the bytes that the producer sent.
 */
export type Payload = string;

/** A JSON value as text. */
export type JsonText = string;

export interface NewTask {
  readonly transition: Transition<DelayedTask | QueuedTask>;
  readonly payload: Payload;
}

/** A task with everything that a store keeps about it. */
export interface KeptTask {
  readonly task: Task;
  readonly payload: Payload;
  readonly output?: JsonText;
  /** The text of the task's checkpoint. */
  readonly checkpoint?: JsonText;
  /** Finished attempts, oldest first. */
  readonly attempts: readonly Attempt[];
}

/** What a change does to the checkpoint of its task. */
export interface CheckpointChange {
  /** The new text; `undefined` removes the checkpoint. */
  readonly text: JsonText | undefined;
  /** Bytes by which it grows; negative when it shrinks. */
  readonly growth: number;
}

/** A write of a task that was read before. A write without `type` is no transition, such as a heartbeat. */
export interface Change extends Partial<Omit<Transition, 'task'>> {
  readonly task: Task;
  /** The task's output, stored with it. */
  readonly output?: JsonText;
  /** Absent: the checkpoint stays as it is. */
  readonly checkpoint?: CheckpointChange;
}

export interface ReplaceOptions {
  /** Allows the store to commit the changes in parts and to serve other calls in between. */
  readonly inSteps?: boolean;
}

/** The terms of a claim. The caller supplies all random values. */
export interface ClaimRequest {
  /** Queues in order of preference. */
  readonly queues: readonly string[];
  /** The lease ids to use, one per task; their number is the maximum. */
  readonly leaseIds: readonly string[];
  /** The worker's labels. Tasks that require other labels are skipped. */
  readonly labels?: Labels;
  readonly grant: Omit<Grant, 'leaseId'>;
}

export interface ClaimedTask {
  readonly task: ProcessingTask;
  readonly payload: Payload;
  /** The text of the task's checkpoint, if it has one. */
  readonly checkpoint?: JsonText;
}

export interface StoreSettings {
  /** Seconds that ended tasks are kept. */
  readonly retention: Seconds;
  /** Maximum number of ended tasks kept. */
  readonly retentionMaxTasks: number;
  /** Maximum size of the ended tasks kept, in bytes: payloads, outputs, attempts, logs and records. */
  readonly retentionMaxBytes: number;
  /** How much of the logs of a task is kept; `DEFAULT_LOG_LIMITS` by default. */
  readonly logs?: LogLimits;
  /** Transitions that write an outbox entry for the webhook address from the settings; none by default. */
  readonly webhookTypes?: ReadonlySet<TransitionType>;
}

/** The store is unavailable. `applied` says whether the change may have been made. */
export class StoreUnavailable extends Error {
  readonly code = 'store_unavailable';
  constructor(
    message: string,
    readonly applied: false | 'unknown',
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StoreUnavailable';
  }
}

/**
 * Keeps, finds and replaces tasks, without any rules of the state machine. Other subjects are parts with promises of
 * their own: `settings`, `views`, `documents`, `logs`, `outbox` and `eventLog`. Every driver promises:
 *
 * - **Durability.** A write's promise resolves when the write survives a kill of the process and, where
 *   `docs/storage.md` says so, a power cut. An `insert` or a `replace` of up to `TASKS_PER_COMMIT` tasks is one atomic
 *   commit; in a Redis Cluster it is one per queue. Other calls may use several commits in sequence. They resolve after
 *   the last one, and a failure after the first one rejects with `applied: "unknown"`.
 * - **No dirty reads.** A read returns only durable data, including every write acknowledged before it began.
 * - **Compare and set.** `replace` and `remove` act only on the revision that the caller read. `false` means that
 *   another write came first; that task is unchanged.
 * - **One holder.** `claim` leases a task to one caller. It expires overdue tasks that it meets.
 * - **Order.** Higher priorities go first. With `priorityAgeing`, the priority whose next task has the greatest sum of
 *   priority and waiting points goes first. Within a priority, groups take turns. A served group goes to the end, and
 *   so does a group that gets its first ready task. Tasks without a group form one group. Within a group, tasks are
 *   served in the order in which the store accepted them; a redelivered task keeps its place. Tasks that the worker's
 *   labels do not satisfy, and groups at their limit, are skipped and keep their turn. Opening a store may reset the
 *   turns: groups then go by the age of their oldest ready task.
 * - **Limits.** A claim never exceeds the queue's or group's concurrency limit, which counts tasks in `processing`. It
 *   never exceeds the queue's rate: each task takes one token from a bucket that holds `tasks` tokens and refills
 *   within `per`. The bucket is full when a rate is first set. It is empty after a change, or after the store lost its
 *   state. During an outage in the settings, one task is claimed a second.
 * - **Commit feed.** `onCommit` listeners receive every transition of this process once, after it is durable, and per
 *   task in order of `sequence`. A listener must not throw.
 * - **Watchers.** Every watcher receives every transition of any process after it is durable: per task in order, at
 *   most once. A watcher can miss transitions only around a call of `onGap`. The store calls it when an outage
 *   begins, with `isAvailable` already false, and when the outage has ended and transitions arrive again. A driver that
 *   loses only its feed of transitions calls it too.
 * - **Fail-stop.** After an error that leaves a write's outcome open, every call rejects with `StoreUnavailable` and
 *   `failure` resolves. The process must end and recover by restarting.
 *
 * All methods reject with `StoreUnavailable` while the store is unavailable, closing or failed.
 */
export abstract class TaskStore extends FormerTaskStore {
  // ---------------------------------------------------------------------------------- parts

  /** Queue settings. */
  abstract override readonly settings: QueueSettingsStore;

  /** Lists, counts and positions. */
  abstract override readonly views: TaskViews;

  /** Small documents in the same place with the same promises. */
  abstract readonly documents: DocumentStore;

  /** The logs of attempts, kept and removed with their tasks. */
  abstract readonly logs: TaskLogs;

  /** Pending webhooks, written in the commits of their transitions. */
  readonly outbox?: Outbox;

  /** The events of all processes, in stores that keep them. Elsewhere `onCommit` covers all transitions. */
  readonly eventLog?: EventLog;

  // ---------------------------------------------------------------------------------- the store itself

  /** The clock of this store's deadlines. */
  abstract readonly clock: Clock;

  /** Resolves once, when the store has failed and only a restart can recover it. */
  abstract readonly failure: Promise<Error>;

  /**
   * Whether the store accepts writes, as last observed. False within 2 s of the start of an outage and true again after
   * it; never true again after a failure or `close`.
   */
  abstract readonly isAvailable: boolean;

  /** Whether the store itself publishes the event of a transition, atomically with the transition. */
  abstract readonly publishesEvents: boolean;

  /** The highest event id in use when the store was opened. */
  readonly lastEventId?: number;

  /**
   * Whether this process receives the transitions of other processes. If not, `onGap` tells watchers to check the store
   * again.
   */
  get receivesEveryProcess(): boolean {
    return this.isAvailable;
  }

  /** Calls `listener` after each commit of this process, with its transitions. */
  abstract onCommit(listener: (transitions: readonly CommittedTransition[]) => void): void;

  /** Waits for pending writes, then releases all resources. Later calls reject. */
  abstract close(): Promise<void>;

  // ---------------------------------------------------------------------------------- tasks

  /**
   * Inserts all items in one commit. Readers and claims see all of them or none. Per item: `undefined` when inserted,
   * else the existing task with this id.
   */
  abstract insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]>;

  /**
   * Adds tasks of another store unchanged, each younger than the one before and than all existing tasks. Publishes no
   * transitions. Per item: whether it was added; `false` when its id exists.
   */
  abstract restore(items: readonly KeptTask[]): Promise<readonly boolean[]>;

  abstract find(id: string): Promise<Task | undefined>;

  /**
   * A task from this process's memory, without a read; `undefined` when it is not cached. Another process may have
   * changed it since. Use it only for a `replace`, which then fails, and never for a response.
   */
  recall(_id: string): Task | undefined {
    return undefined;
  }

  /**
   * Resolves when a task that was read is as durable as an acknowledged write. A caller that answers a repeated request
   * from a read waits for this.
   */
  confirm(_task: Task): Promise<void> {
    return Promise.resolve();
  }

  abstract findPayload(id: string): Promise<Payload | undefined>;
  abstract findOutput(id: string): Promise<JsonText | undefined>;
  /** The text of the task's checkpoint. */
  abstract findCheckpoint(id: string): Promise<JsonText | undefined>;
  /** Finished attempts, oldest first. */
  abstract findAttempts(id: string): Promise<readonly Attempt[]>;

  /**
   * Leases the best ready tasks in one commit. When `claimId` still holds tasks, returns those instead. An empty answer
   * means that no task was available.
   */
  abstract claim(request: ClaimRequest): Promise<readonly ClaimedTask[]>;

  /** Per item: whether it was written. One commit, unless `options` allow several. */
  abstract replace(changes: readonly Change[], options?: ReplaceOptions): Promise<readonly boolean[]>;

  /** Removes tasks with all their data. Per item: whether the task existed at this revision. */
  abstract remove(tasks: readonly Task[]): Promise<readonly boolean[]>;

  /**
   * Removes every matching task in any state; returns their number. Within each queue, all of them disappear in one
   * step for every process, and their ids become free. Their storage may be freed later.
   */
  abstract clear(filter: Pick<TaskFilter, 'states' | 'queues'>): Promise<number>;

  /** Up to `limit` due tasks, including ended tasks beyond the retention limits. */
  abstract due(limit: number): Promise<readonly Task[]>;

  /** Milliseconds until the next task is due, 0 when one is due now; `undefined` when no task has a deadline. */
  abstract untilDue(): Promise<number | undefined>;

  /** Counts up with every `clear`. A lease of an earlier generation on an unknown task was cleared. */
  abstract readonly generation: number;

  /** The same, including every clear by any process that had removed a task before the call. */
  latestGeneration(): Promise<number> {
    return Promise.resolve(this.generation);
  }
}
