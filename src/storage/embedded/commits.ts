import { toTaskEvent } from '../../task/task-event.js';
import type { Task, TransitionType } from '../../task/task.js';
import { addresseesOf } from '../notice-rule.js';
import type { Step } from '../../task/task.machine.js';
import { type Committed, type Move, StoreUnavailable, type StoreWatcher } from '../task-store.js';
import { NeverWritten, type Puts, reasonOf } from './group-commit.js';
import type { NoticeRecord, QueueFiles } from './queue-files.js';
import type { TaskIndex, TaskNumber } from './task-index.js';
import type { TaskHead } from './task.record.js';

/** Event ids are reserved on disk in blocks, so that few commits have to write the counter. */
const EVENT_ID_BLOCK = 100_000;

/** One record of a write: what it was, what it becomes, and the transition, if it is one. */
export interface Write {
  readonly number: TaskNumber;
  readonly id: string;
  readonly batchId: string | undefined;
  readonly from: TaskHead | undefined;
  readonly to: TaskHead | undefined;
  /** What it becomes; `undefined` when it is removed. */
  readonly task: Task | undefined;
  readonly step: Step | undefined;
}

type Listener = (transitions: readonly Committed[]) => void;

/**
 * What one call writes, in one transaction: records that are encoded already.
 *
 * While the call decides, nothing is put into the files: a decision that throws halfway leaves nothing behind.
 */
export class Transaction {
  readonly writes: Write[] = [];
  private readonly saves: Puts[] = [];
  private readonly undos: (() => void)[] = [];
  private ended: Promise<void> | undefined;
  private finish: () => void = () => undefined;

  constructor(private readonly busy: Map<string, Transaction>) {}

  /** Resolves when it has ended. Most transactions end before anybody asks. */
  get done(): Promise<void> {
    this.ended ??= new Promise((resolve) => {
      this.finish = resolve;
    });
    return this.ended;
  }

  /**
   * From here on until it is durable the task takes no other write, and reads of it wait.
   *
   * @param save puts the record into the files, once everything is decided
   */
  add(write: Write, save: Puts): void {
    this.writes.push(write);
    this.saves.push(save);
    this.busy.set(write.id, this);
  }

  /** Adds what reverts a change that the decision has made in memory, should it not come to its end. */
  onAbandon(undo: () => void): void {
    this.undos.push(undo);
  }

  /** Puts all that was decided into the files. */
  save(): void {
    for (const save of this.saves) save();
  }

  /** Ends without a write: everything is as before the decision. */
  abandon(): void {
    for (const undo of this.undos.toReversed()) undo();
    this.end();
  }

  end(): void {
    for (const { id } of this.writes) this.busy.delete(id);
    this.finish();
  }
}

/**
 * The order of writes: which tasks are busy, what happens after each commit, and the end of everything when a commit
 * fails.
 */
export class Commits {
  /** Resolves when a commit has failed: what is on disk is not known until the file is opened again. */
  readonly failure: Promise<Error>;
  private readonly busy = new Map<string, Transaction>();
  private readonly listeners: Listener[] = [];
  private readonly watchers: StoreWatcher[] = [];
  private reject: (error: Error) => void = () => undefined;
  private refusal: string | undefined;
  /** A write has failed: the file must not be touched any more. */
  hasFailed = false;
  /** No event has a higher id when the file is opened. */
  readonly lastEventId: number;
  private nextEventId: number;
  private reservedEventId: number;

  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
    private readonly noticeTypes: ReadonlySet<TransitionType> = new Set(),
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

  /** Nobody else writes here, so what it is told are the commits; and nothing ever disturbs it. */
  watch(watcher: StoreWatcher): void {
    this.watchers.push(watcher);
  }

  get isOpen(): boolean {
    return this.refusal === undefined;
  }

  /** @throws StoreUnavailable when the store is closed or has failed */
  requireOpen(): void {
    if (this.refusal !== undefined) throw new StoreUnavailable(this.refusal, false);
  }

  refuse(reason: string): void {
    this.refusal ??= reason;
  }

  isBusy(id: string): boolean {
    return this.busy.has(id);
  }

  /** Resolves when the write that this task is in has ended; `undefined` when there is none. */
  busyUntil(id: string): Promise<void> | undefined {
    return this.busy.get(id)?.done;
  }

  async allEnded(): Promise<void> {
    await Promise.all(Array.from(this.busy.values(), ({ done }) => done));
  }

  /**
   * Lets a call decide what to write, all in this turn, and waits until that is durable; then the indices and the
   * listeners follow. When `decide` throws, nothing is written and no task stays busy.
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
    let transitions: Committed[];
    let notices: (readonly [eventId: number, NoticeRecord])[];
    try {
      transitions = writes.flatMap(({ step }) => (step === undefined ? [] : [this.numbered(step)]));
      notices = this.noticesOf(transitions);
    } catch (error) {
      transaction.abandon();
      throw error;
    }
    try {
      await this.save(() => {
        transaction.save();
        this.reserveEventIds();
        for (const [id, notice] of notices) this.files.putNotice(id, notice);
      }, writes.length);
      for (const { number, id, batchId, from, to, task } of writes) {
        this.index.move(number, from, to);
        this.files.written(id, to && task && { number, head: to, task });
        if (batchId !== undefined) this.index.batches.move(batchId, from, to);
      }
    } finally {
      transaction.end();
    }
    // Last: whoever is told may claim at once.
    if (transitions.length > 0) this.tell(transitions);
  }

  /** They go into the same transaction as the tasks. */
  private noticesOf(transitions: readonly Committed[]): (readonly [eventId: number, NoticeRecord])[] {
    return transitions.flatMap((transition) => {
      const { id, type, task } = transition;
      const to = addresseesOf(this.noticeTypes, type, task);
      return to === '' ? [] : [[id, { to, event: JSON.stringify(toTaskEvent(transition, id)) }] as const];
    });
  }

  /**
   * Puts and removes in one transaction, and waits until it is on disk. When that fails it is the end of the store: some
   * of it may be in the file, and nothing takes it out.
   *
   * @param puts called at once or later; must not throw
   * @param weight about how many tasks they put
   */
  async save(puts: Puts, weight?: number): Promise<void> {
    try {
      await this.files.write(puts, weight);
    } catch (cause) {
      throw await this.fail(cause);
    }
  }

  /** Tells that what holds back the tasks of a queue, or of any, may have changed. */
  tellLoosened(queue: string | undefined): void {
    for (const watcher of this.watchers) watcher.loosened?.(queue);
  }

  private tell(transitions: readonly Committed[]): void {
    for (const listener of this.listeners) listener(transitions);
    if (this.watchers.length === 0) return;
    const moves = transitions.map(moveOf);
    for (const watcher of this.watchers) watcher.moved(moves);
  }

  /** Ends the store; answers what to tell the caller. */
  private async fail(cause: unknown): Promise<StoreUnavailable> {
    // First of all: nothing may reach lmdb from now on, its memory may be damaged.
    this.refuse('The store has failed and waits for a restart');
    this.hasFailed = true;
    if (cause instanceof NeverWritten) return new StoreUnavailable('The store has failed', false, { cause });
    const error = new Error('A commit failed, the store stops', { cause: await reasonOf(cause) });
    this.reject(error);
    const message = 'The write failed; whether it was kept is not known';
    return new StoreUnavailable(message, 'unknown', { cause: error });
  }

  /** Ids of events are given out before they are reserved; both are in the same transaction. */
  private reserveEventIds(): void {
    if (this.nextEventId <= this.reservedEventId) return;
    while (this.reservedEventId < this.nextEventId) this.reservedEventId += EVENT_ID_BLOCK;
    this.files.setCounter('eventId', this.reservedEventId);
  }

  private numbered(step: Step): Committed {
    const id = this.nextEventId;
    this.nextEventId += 1;
    return { task: step.task, type: step.type, at: step.at, ended: step.ended, id };
  }
}

function moveOf({ task }: Committed): Move {
  return { id: task.spec.id, queue: task.spec.queue, state: task.state };
}
