import { toTaskEvent } from '../../task/task-event.js';
import type { TransitionType } from '../../task/task.js';
import { addresseesOf } from '../notice-rule.js';
import type { Step } from '../../task/task.machine.js';
import { type Committed, type Move, StoreUnavailable, type StoreWatcher } from '../task-store.js';
import type { CommitFailure, QueueFiles } from './queue-files.js';
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
  readonly step: Step | undefined;
}

type Listener = (transitions: readonly Committed[]) => void;

/** What one call writes. All of it is in one transaction, because all of it is added in one turn of the loop. */
export class Transaction {
  readonly writes: Write[] = [];
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

  /** From here on until it is durable the task takes no other write, and reads of it wait. */
  add(write: Write): void {
    this.writes.push(write);
    this.busy.set(write.id, this);
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

  begin(): Transaction {
    return new Transaction(this.busy);
  }

  /** Waits until a transaction is durable, then lets the indices and the listeners follow. */
  async commit(transaction: Transaction): Promise<void> {
    const { writes } = transaction;
    if (writes.length === 0) return;
    const transitions: Committed[] = [];
    for (const { step } of writes) if (step !== undefined) transitions.push(this.numbered(step));
    this.leaveNotices(transitions);
    try {
      await this.synced(this.files.committed());
      for (const { number, batchId, from, to } of writes) {
        this.index.move(number, from, to);
        if (batchId !== undefined) this.index.batches.move(batchId, from, to);
      }
    } finally {
      transaction.end();
    }
    // Last: whoever is told may claim at once.
    if (transitions.length > 0) this.tell(transitions);
  }

  /** In the same transaction as the tasks. */
  private leaveNotices(transitions: readonly Committed[]): void {
    for (const transition of transitions) {
      const to = addresseesOf(this.noticeTypes, transition.type, transition.task);
      if (to === '') continue;
      this.files.putNotice(transition.id, {
        to,
        event: JSON.stringify(toTaskEvent(transition, transition.id)),
      });
    }
  }

  /** Tells that what holds back the tasks of a queue may have changed. */
  tellLoosened(queue: string): void {
    for (const watcher of this.watchers) watcher.loosened?.(queue);
  }

  private tell(transitions: readonly Committed[]): void {
    for (const listener of this.listeners) listener(transitions);
    if (this.watchers.length === 0) return;
    const moves = transitions.map(moveOf);
    for (const watcher of this.watchers) watcher.moved(moves);
  }

  /** Waits for a write; its failure is the end of the store. */
  async synced(write: Promise<unknown>): Promise<void> {
    try {
      await write;
    } catch (cause) {
      const reason: unknown = await (cause as CommitFailure).commitError?.catch((error: unknown) => error);
      const error = new Error('A commit failed, the store stops', { cause: reason ?? cause });
      this.refuse('The store has failed and waits for a restart');
      this.reject(error);
      throw new StoreUnavailable('The write failed; whether it was kept is not known', 'unknown', {
        cause: error,
      });
    }
  }

  private numbered(step: Step): Committed {
    if (this.nextEventId === this.reservedEventId) {
      this.reservedEventId += EVENT_ID_BLOCK;
      this.files.setCounter('eventId', this.reservedEventId);
    }
    const id = this.nextEventId;
    this.nextEventId += 1;
    return { task: step.task, type: step.type, at: step.at, ended: step.ended, id };
  }
}

function moveOf({ task }: Committed): Move {
  return { id: task.spec.id, queue: task.spec.queue, state: task.state };
}
