import { toTaskEvent } from '../../task/task-event.js';
import type { Task, TransitionType } from '../../task/task.js';
import { addresseesOf } from '../webhook-addresses.js';
import type { Transition } from '../../task/task.machine.js';
import { StoreUnavailable } from '../task-store.js';
import type { CommittedTransition, TransitionSummary, TransitionWatcher } from '../transitions.js';
import { NeverWritten, type Puts, reasonOf } from './group-commit.js';
import type { OutboxRecord, QueueFiles } from './queue-files.js';
import type { TaskIndex, TaskNumber } from './task-index.js';
import type { TaskHead } from './task-record.js';

/** Event ids are reserved on disk in blocks, so that few commits write the counter. */
const EVENT_ID_BLOCK = 100_000;

/** One record of a write: before, after, and the transition if the write is one. */
export interface Write {
  readonly number: TaskNumber;
  readonly id: string;
  readonly batchId: string | undefined;
  readonly from: TaskHead | undefined;
  readonly to: TaskHead | undefined;
  /** The new task; `undefined` when it is removed. */
  readonly task: Task | undefined;
  readonly transition: Transition | undefined;
}

type Listener = (transitions: readonly CommittedTransition[]) => void;

/**
 * The writes of one call in one transaction, as encoded records.
 *
 * The files are unchanged until the call has decided everything, so a decision that throws leaves nothing to undo
 * there.
 */
export class Transaction {
  readonly writes: Write[] = [];
  private readonly saves: Puts[] = [];
  private readonly undos: (() => void)[] = [];
  private ended: Promise<void> | undefined;
  private finish: () => void = () => undefined;

  constructor(private readonly busy: Map<string, Transaction>) {}

  /** Resolves when the transaction has ended. Created on demand, because few transactions have a waiter. */
  get done(): Promise<void> {
    this.ended ??= new Promise((resolve) => {
      this.finish = resolve;
    });
    return this.ended;
  }

  /**
   * Marks the task busy until the write is durable: other writes of it fail and reads of it wait.
   *
   * @param save puts the record into the files after the whole decision
   */
  add(write: Write, save: Puts): void {
    this.writes.push(write);
    this.saves.push(save);
    this.busy.set(write.id, this);
  }

  /** Registers an undo of a change in memory, for a decision that does not complete. */
  onAbandon(undo: () => void): void {
    this.undos.push(undo);
  }

  /** Puts the decided records into the files. */
  save(): void {
    for (const save of this.saves) save();
  }

  /** Ends without a write and undoes the changes in memory. */
  abandon(): void {
    for (const undo of this.undos.toReversed()) undo();
    this.end();
  }

  end(): void {
    for (const { id } of this.writes) this.busy.delete(id);
    this.finish();
  }
}

/** Orders the writes: tracks busy tasks, runs the steps after each commit, and stops the store when a commit fails. */
export class Commits {
  /** Resolves when a commit has failed. The content of the disk is then unknown until the file is opened again. */
  readonly failure: Promise<Error>;
  private readonly busy = new Map<string, Transaction>();
  private readonly listeners: Listener[] = [];
  private readonly watchers: TransitionWatcher[] = [];
  private reject: (error: Error) => void = () => undefined;
  private refusal: string | undefined;
  /** A write has failed; the store no longer touches the file. */
  hasFailed = false;
  /** The highest event id in use when the file was opened. */
  readonly lastEventId: number;
  private nextEventId: number;
  private reservedEventId: number;

  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
    private readonly webhookTypes: ReadonlySet<TransitionType> = new Set(),
  ) {
    this.failure = new Promise((resolve) => {
      this.reject = resolve;
    });
    this.nextEventId = files.counters.get('eventId') ?? 1;
    this.reservedEventId = this.nextEventId;
    this.lastEventId = this.nextEventId - 1;
    files.onFailure = (error) => void this.fail(error);
  }

  onCommit(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** This process is the only writer, so its commits are all transitions, and `onGap` is never called. */
  watch(watcher: TransitionWatcher): void {
    this.watchers.push(watcher);
  }

  get isOpen(): boolean {
    return this.refusal === undefined;
  }

  /** @throws StoreUnavailable when the store is closed or has failed */
  requireOpen(): void {
    if (this.refusal !== undefined) throw new StoreUnavailable(this.refusal, false);
  }

  /** Rejects, instead of throwing, when the store is closed or has failed. */
  async opened(): Promise<void> {
    await Promise.resolve();
    this.requireOpen();
  }

  /**
   * Resolves when the task has no pending write, so that a read is durable. Usually it has none; then this allocates no
   * promise.
   *
   * @throws StoreUnavailable
   */
  readable(id: string): Promise<void> | undefined {
    if (this.isBusy(id)) return this.untilReadable(id);
    this.requireOpen();
    return undefined;
  }

  private async untilReadable(id: string): Promise<void> {
    for (let wait = this.busyUntil(id); wait !== undefined; wait = this.busyUntil(id)) await wait;
    this.requireOpen();
  }

  refuse(reason: string): void {
    this.refusal ??= reason;
  }

  isBusy(id: string): boolean {
    return this.busy.has(id);
  }

  /** Resolves when the pending write of this task has ended; `undefined` when it has none. */
  busyUntil(id: string): Promise<void> | undefined {
    return this.busy.get(id)?.done;
  }

  async allEnded(): Promise<void> {
    await Promise.all(Array.from(this.busy.values(), ({ done }) => done));
  }

  /**
   * Runs `decide` within this turn, then waits until its writes are durable; then updates the indices and calls the
   * listeners. When `decide` throws, nothing is written and no task stays busy.
   */
  async write<T>(decide: (transaction: Transaction) => T): Promise<T> {
    const transaction = new Transaction(this.busy);
    let decided: T;
    try {
      decided = decide(transaction);
    } catch (error) {
      transaction.abandon();
      throw error;
    }
    await this.commit(transaction);
    return decided;
  }

  private async commit(transaction: Transaction): Promise<void> {
    const { writes } = transaction;
    if (writes.length === 0) return;
    let transitions: CommittedTransition[];
    let outboxEntries: (readonly [eventId: number, OutboxRecord])[];
    try {
      transitions = writes.flatMap(({ transition }) =>
        transition === undefined ? [] : [this.numbered(transition)],
      );
      outboxEntries = this.outboxEntriesOf(transitions);
    } catch (error) {
      transaction.abandon();
      throw error;
    }
    try {
      await this.save(() => {
        transaction.save();
        this.reserveEventIds();
        for (const [id, entry] of outboxEntries) this.files.putOutboxEntry(id, entry);
      }, writes.length);
      for (const { number, id, batchId, from, to, task } of writes) {
        this.index.move(number, from, to);
        this.files.written(id, to && task && { number, head: to, task });
        if (batchId !== undefined) this.index.batches.move(batchId, from, to);
      }
    } finally {
      transaction.end();
    }
    // Last, because a notified waiter may claim at once.
    if (transitions.length > 0) this.publish(transitions);
  }

  /** The outbox entries go into the same transaction as the tasks. */
  private outboxEntriesOf(
    transitions: readonly CommittedTransition[],
  ): (readonly [eventId: number, OutboxRecord])[] {
    return transitions.flatMap((transition) => {
      const { id, type, task } = transition;
      const to = addresseesOf(this.webhookTypes, type, task);
      return to === '' ? [] : [[id, { to, event: JSON.stringify(toTaskEvent(transition, id)) }] as const];
    });
  }

  /**
   * Puts and removes in one transaction and waits until it is on disk. A failure stops the store, because part of the
   * transaction may be in the file and cannot be undone.
   *
   * @param puts called at once or later; must not throw
   * @param weight approximate number of tasks
   */
  async save(puts: Puts, weight?: number): Promise<void> {
    try {
      await this.files.write(puts, weight);
    } catch (cause) {
      throw await this.fail(cause);
    }
  }

  /** Reports that a limit of this queue, or of any queue, may allow more now. */
  reportRelaxedLimits(queue: string | undefined): void {
    for (const watcher of this.watchers) watcher.onLimitsRelaxed?.(queue);
  }

  private publish(transitions: readonly CommittedTransition[]): void {
    for (const listener of this.listeners) listener(transitions);
    if (this.watchers.length === 0) return;
    const summaries = transitions.map(summaryOf);
    for (const watcher of this.watchers) watcher.onTransitions(summaries);
  }

  /** Stops the store; returns the error for the caller. */
  private async fail(cause: unknown): Promise<StoreUnavailable> {
    // First: lmdb's memory may be damaged, so no call may reach it from now on.
    this.refuse('The store has failed and needs a restart');
    this.hasFailed = true;
    if (cause instanceof NeverWritten) return new StoreUnavailable('The store has failed', false, { cause });
    const error = new Error('A commit failed; the store has stopped', { cause: await reasonOf(cause) });
    this.reject(error);
    const message = 'The write failed, and its outcome is unknown';
    return new StoreUnavailable(message, 'unknown', { cause: error });
  }

  /** Event ids are assigned before they are reserved; both are in one transaction. */
  private reserveEventIds(): void {
    if (this.nextEventId <= this.reservedEventId) return;
    while (this.reservedEventId < this.nextEventId) this.reservedEventId += EVENT_ID_BLOCK;
    this.files.setCounter('eventId', this.reservedEventId);
  }

  private numbered(transition: Transition): CommittedTransition {
    const id = this.nextEventId;
    this.nextEventId += 1;
    return { task: transition.task, type: transition.type, at: transition.at, ended: transition.ended, id };
  }
}

function summaryOf({ task }: CommittedTransition): TransitionSummary {
  return { id: task.spec.id, queue: task.spec.queue, state: task.state };
}
