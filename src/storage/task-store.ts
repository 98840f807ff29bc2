import type { Clock, Instant, Seconds } from '../task/clock.js';
import type { QueueSettings, QueueSettingsChange } from '../task/queue-settings.js';
import type { Labels } from '../task/requirements.js';
import type { Grant, Step } from '../task/task.machine.js';
import {
  type Attempt,
  type DelayedTask,
  type ProcessingTask,
  type QueuedTask,
  type Task,
  type TransitionType,
} from '../task/task.js';
import { type TaskState, type StateCounts, countIn } from '../task/task-state.js';
import type { DocumentStore } from './document-store.js';
import type { Outbox } from './outbox.js';
import type { EventLog } from './event-log.js';

/** A call about at most so many tasks is one commit. No request is about more. */
export const TASKS_PER_COMMIT = 1_000;

/**
 * What the producer sent to be run, as the text between the braces of a JSON object: `"code":"…","metadata":{…}`.
 * Nobody in the service parses it, so it goes out as it came in, to the byte.
 */
export type Payload = string;

/** Any JSON value as its text. */
export type JsonText = string;

export interface NewTask {
  readonly step: Step<DelayedTask | QueuedTask>;
  readonly payload: Payload;
}

/** A task with all that a store has of it. */
export interface KeptTask {
  readonly task: Task;
  readonly payload: Payload;
  readonly output?: JsonText;
  /** The finished ones, oldest first. */
  readonly attempts: readonly Attempt[];
}

/** A write of one task that was read before. Without `type` it is no transition (a heartbeat). */
export interface Change extends Partial<Omit<Step, 'task'>> {
  readonly task: Task;
  /** What the task produced, kept with it. */
  readonly output?: JsonText;
}

export interface ReplaceOptions {
  /** Lets the store commit a part of the changes at a time, so that it can serve other calls in between. */
  readonly inSteps?: boolean;
}

/** A transition that is durable. */
export interface Committed extends Step {
  /**
   * Counts up over all tasks of the store, also across restarts; gaps are possible. In a Redis Cluster it counts up for
   * each queue, and says of two queues only what the clocks of their nodes say.
   */
  readonly id: number;
}

/** A transition as any process at the store sees it, its own or another's. */
export interface Move {
  readonly id: string;
  readonly queue: string;
  /** What the task was moved to. */
  readonly state: TaskState;
}

/** Is told what happens at the store, whoever does it. No method may throw. */
export interface StoreWatcher {
  moved(moves: readonly Move[]): void;
  /** What holds back the tasks of this queue, or of any, may have changed without a move: by settings, or a clear. */
  loosened?(queue: string | undefined): void;
  /** Moves may have been missed, or will be: whoever waits for something must look again. */
  disturbed(): void;
}

/** What to take from the queues. Everything random is decided by the caller. */
export interface ClaimRequest {
  /** Looked at in this order. */
  readonly queues: readonly string[];
  /** At most this many tasks, one for each lease id. */
  readonly leaseIds: readonly string[];
  /** What the worker offers: it gets no task that requires anything else. */
  readonly labels?: Labels;
  readonly grant: Omit<Grant, 'leaseId'>;
}

export interface ClaimedTask {
  readonly task: ProcessingTask;
  readonly payload: Payload;
}

export interface TaskFilter {
  readonly states?: readonly TaskState[];
  readonly queues?: readonly string[];
  readonly group?: string;
  readonly batchId?: string;
  readonly workerId?: string;
  readonly createdAfter?: Instant;
  readonly createdBefore?: Instant;
}

export interface TaskQuery extends TaskFilter {
  readonly limit: number;
  /** From the page before. */
  readonly cursor?: string;
}

export interface TaskPage {
  /** Newest first. May be shorter than the limit, even empty, while there is a next page. */
  readonly tasks: readonly Task[];
  /** Goes into an address: 1 to 200 of the characters A-Z a-z 0-9 _ -, for names of queues that clients may give. */
  readonly nextCursor?: string;
}

export interface QueueCounts {
  readonly queue: string;
  readonly counts: StateCounts;
  /** When the oldest waiting task became ready. */
  readonly oldestQueuedAt?: Instant;
}

/** Tasks of all queues together. */
export interface StoreTotals {
  readonly queued: number;
  /** In whatever state. */
  readonly all: number;
}

export type BatchCounts = Pick<QueueCounts, 'queue' | 'counts'>;

/** A queue for which something is set. */
export interface ConfiguredQueue {
  readonly queue: string;
  readonly settings: QueueSettings;
}

export interface StoreSettings {
  /** How long ended tasks are kept. */
  readonly retention: Seconds;
  /** How many ended tasks are kept. */
  readonly retentionMaxTasks: number;
  /** How many bytes of ended tasks are kept: payloads, outputs, attempts and records. */
  readonly retentionMaxBytes: number;
  /** Transitions of which a notice is left for the address that the settings name; by default none. */
  readonly noticeTypes?: ReadonlySet<TransitionType>;
}

/** The store cannot do it now. `applied` says whether the change may have been made all the same. */
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
 * Keeps tasks, finds them, and replaces them; it knows no rule of the life cycle. Every driver promises:
 *
 * - **Durable first.** A promise for a write resolves when the write survives a kill of the process, and, as far as
 *   `docs/storage.md` says so for the driver, a power cut. An `insert` or a `replace` of up to `TASKS_PER_COMMIT` tasks
 *   is one atomic commit; in a Redis Cluster it is one for each queue. Other calls, and those about more tasks, may be
 *   several commits, one after the other. Then the call is answered after the last one, and a failure after the first
 *   one rejects with `applied: "unknown"`.
 * - **No dirty reads.** A read shows nothing that could still be lost, and everything acknowledged before it began.
 * - **Compare and set.** `replace` and `remove` act only on the revision that the caller read; `false` means that
 *   somebody else wrote first, and nothing was changed for that task.
 * - **One holder.** `claim` hands a task to one caller. What has expired is passed over and expired on the way.
 * - **An order.** Higher priorities first (with `priorityAgeing`: the priority whose next task has the greatest sum of
 *   priority and points for waiting since it was accepted). Within a priority groups take turns: a group that gets its
 *   first ready task goes to the end, and so does one that was served; the tasks without a group are one of them. Within
 *   a group by age: the order in which the store accepted the tasks, kept for life, so a redelivered task is in its old
 *   place. What the worker's labels do not satisfy, and groups that are at their limit, are passed over and keep their
 *   turn. The turns may be forgotten when a store is opened: then groups go by the age of their oldest ready task.
 * - **Limits.** A claim never takes a queue or a group above the limits of the queue's settings, which count what is in
 *   `processing`; and never goes above its rate: one token a task from a bucket that holds `tasks` and fills within
 *   `per`. It is full when a rate is set, empty when the rate is changed or the store had to forget it.
 * - **A feed.** Every transition that this process makes is told once to `onCommit` listeners after it is durable; per
 *   task in order of `sequence`. A listener must not throw.
 * - **Watchers.** Every transition of the store, whichever process made it, is told to every watcher after it is
 *   durable; per task in order, at most once. Moves can be missed only around a disturbance. `disturbed` is called
 *   when the store goes away, with `isAvailable` false already, and when it is back, with `isAvailable` true and moves
 *   told again. A driver that loses only its view of the moves calls it too.
 * - **Fail-stop.** After an error that leaves the outcome of a write open, every call rejects with
 *   `StoreUnavailable`, and `failure` resolves; the process is expected to end and recover by starting again.
 *
 * All methods reject with `StoreUnavailable` when the store is away, closing or failed.
 */
export abstract class TaskStore {
  /** The clock that this store's deadlines are measured by. */
  abstract readonly clock: Clock;

  /** Resolves, once, when the store has failed for good. */
  abstract readonly failure: Promise<Error>;

  /**
   * Whether the store takes writes now, as far as is known without asking it: false within 2 s after it went away.
   * True again when it is back; never again after a failure or `close`.
   */
  abstract readonly isAvailable: boolean;

  /** Whether the store itself publishes the event of each transition, in the step that makes it. */
  abstract readonly publishesEvents: boolean;

  /** Whether the process hears of the transitions that other processes make; without, watchers are told to look. */
  get hearsOthers(): boolean {
    return this.isAvailable;
  }

  /** The events of all processes, in a store that keeps them; of one that does not, `onCommit` tells of them all. */
  readonly eventLog?: EventLog;

  /** No event had a higher id when the store was opened. */
  readonly lastEventId?: number;

  /** Notices that were written with the transitions that they tell of. */
  readonly outbox?: Outbox;

  /** Small documents in the same place, with the same promises. */
  abstract readonly documents: DocumentStore;

  /** Counts up with every `clear`: leases of an earlier generation, on unknown tasks, were cleared. */
  abstract readonly generation: number;

  /** The same, with every clear of any process that had taken something before the call. */
  latestGeneration(): Promise<number> {
    return Promise.resolve(this.generation);
  }

  /** Inserts all in one commit. Readers and claims see all of them or none. Per item: `undefined` when inserted, else the task that has this id already. */
  abstract insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]>;

  /**
   * Takes over tasks of another store as they are, each younger than the one before and than all that are here.
   * Nothing is told. Per item: whether it was taken over, `false` when its id is here already.
   */
  abstract restore(items: readonly KeptTask[]): Promise<readonly boolean[]>;

  abstract find(id: string): Promise<Task | undefined>;

  /**
   * A task as this process remembers it, without asking; `undefined` when it does not. Others may have written since, so
   * it is good for a `replace`, which is refused then, and for no answer.
   */
  recall(_id: string): Task | undefined {
    return undefined;
  }

  /**
   * Resolves when a task that was read is as safe as one that was written and acknowledged: whoever answers a repetition
   * from what it has read waits for it.
   */
  confirm(_task: Task): Promise<void> {
    return Promise.resolve();
  }

  abstract findPayload(id: string): Promise<Payload | undefined>;
  abstract findOutput(id: string): Promise<JsonText | undefined>;
  /** The finished attempts, oldest first. */
  abstract findAttempts(id: string): Promise<readonly Attempt[]>;

  /**
   * Leases the best ready tasks in one commit. With a `claimId` that still holds tasks, returns those instead.
   * An empty answer means that nothing was ready.
   */
  abstract claim(request: ClaimRequest): Promise<readonly ClaimedTask[]>;

  /** Per item: whether it was written. One commit, unless the caller lets it be several. */
  abstract replace(changes: readonly Change[], options?: ReplaceOptions): Promise<readonly boolean[]>;

  /** Forgets tasks with all that belongs to them. Per item: whether it was there at this revision. */
  abstract remove(tasks: readonly Task[]): Promise<readonly boolean[]>;

  /**
   * Forgets every task that matches, whatever its state; returns how many. In each queue all of them are out of sight in one
   * step, for every process, and their ids are free. What they occupied may be given back later.
   */
  abstract clear(filter: Pick<TaskFilter, 'states' | 'queues'>): Promise<number>;

  /**
   * The number of claims after which the task is handed out at the latest, if nothing new comes and nothing is held
   * back: 1 for the task that is claimed next; `undefined` when it is not queued.
   */
  abstract position(task: Task): Promise<number | undefined>;

  /** @throws RangeError when the cursor is none of this store's */
  abstract list(query: TaskQuery): Promise<TaskPage>;

  /** What is set for a queue; empty when nothing is. */
  abstract settingsOf(queue: string): Promise<QueueSettings>;

  /** Every queue for which something is set. */
  abstract configured(): Promise<readonly ConfiguredQueue[]>;

  /** Changes what is set for a queue, in one step, tells every watcher, and answers what is set now. */
  abstract configure(queue: string, change: QueueSettingsChange): Promise<QueueSettings>;

  /** Milliseconds until the rate of the queue allows a claim; 0 when it does. */
  abstract untilAllowed(queue: string): Promise<number>;

  /** Every queue that has tasks. Moves with the commits, so the sum is exact at rest. */
  abstract counts(): Promise<readonly QueueCounts[]>;

  /** The counts of one queue; `undefined` when it has no tasks. As quick however many queues there are. */
  async countQueue(queue: string): Promise<QueueCounts | undefined> {
    return (await this.counts()).find((each) => each.queue === queue);
  }

  /** The sums over all queues. A driver that has to count for it may remember them for a few seconds. */
  async totals(): Promise<StoreTotals> {
    let [queued, all] = [0, 0];
    for (const { counts } of await this.counts()) {
      queued += counts.queued;
      all += countIn(counts);
    }
    return { queued, all };
  }

  /** Tasks of a queue that wait, delayed ones too. */
  abstract depth(queue: string): Promise<number>;

  /** Counts the tasks of a batch, in each queue that has some: exact at rest, and as quick however large it is. */
  abstract countBatch(id: string): Promise<readonly BatchCounts[]>;

  /** Up to `limit` tasks that are due, and ended ones that are over the retention limits. */
  abstract due(limit: number): Promise<readonly Task[]>;

  /** Milliseconds until the next task is due, 0 when one is; `undefined` when none ever will be. */
  abstract untilDue(): Promise<number | undefined>;

  /** Calls `listener` after each commit of this process with its transitions. */
  abstract onCommit(listener: (transitions: readonly Committed[]) => void): void;

  /** Tells `watcher` from now on what happens at the store. */
  abstract watch(watcher: StoreWatcher): void;

  /** Waits for writes under way, then lets go of everything. Later calls reject. */
  abstract close(): Promise<void>;
}
