import type { Transition } from '../../task/task.machine.js';
import type { Task } from '../../task/task.js';
import type { Change, JsonText, KeptTask, Payload } from '../task-store.js';
import type { Commits, Transaction } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import type { TaskNumber } from './task-index.js';
import { encodeTask, type TaskHead } from './task-record.js';

/** An existing record. */
export interface ExistingRecord {
  readonly number: TaskNumber;
  readonly head: TaskHead;
}

/** A task to add: a new one, or one from another store. `transition` is absent for the latter. */
interface Arrival {
  readonly task: Task;
  readonly payload: Payload;
  readonly output: JsonText | undefined;
  readonly checkpoint?: JsonText;
  readonly transition: Transition | undefined;
  /** Finished attempts, as JSON. */
  readonly attempts?: readonly JsonText[];
}

/** The record has four bytes for this number; larger values are capped. */
const MOST_BYTES = 0xffffffff;

/** Adds the records of tasks to a transaction. */
export class TaskWriter {
  private nextNumber: TaskNumber;

  /** @param lastNumber the youngest existing task */
  constructor(
    private readonly files: QueueFiles,
    private readonly commits: Commits,
    lastNumber: TaskNumber,
  ) {
    this.nextNumber = lastNumber + 1;
  }

  /** The youngest task number given so far. */
  get lastNumber(): TaskNumber {
    return this.nextNumber - 1;
  }

  /** The record to overwrite: it exists, has this revision, and has no pending write. */
  private current(task: Task, revision: number): ExistingRecord | undefined {
    const { id } = task.spec;
    if (this.commits.isBusy(id)) return undefined;
    const number = this.files.numberOf(task);
    const held = this.files.heldAs(id);
    if (held !== undefined && held.number === number)
      return held.head.revision === revision ? held : undefined;
    const head =
      number === undefined
        ? undefined
        : this.files.quarantine.attempt(number, () => this.files.headOf(number));
    return number === undefined || head?.revision !== revision ? undefined : { number, head };
  }

  putNew(transaction: Transaction, transition: Transition, payload: Payload): void {
    this.put(transaction, { task: transition.task, payload, output: undefined, transition });
  }

  /** Adds a task of another store unchanged. */
  putKept(transaction: Transaction, { task, payload, output, checkpoint, attempts }: KeptTask): void {
    const texts = attempts.map((attempt) => JSON.stringify(attempt));
    this.put(transaction, { task, payload, output, checkpoint, transition: undefined, attempts: texts });
  }

  /** Adds a new task as the youngest. */
  private put(
    transaction: Transaction,
    { task, payload, output, checkpoint, transition, attempts = [] }: Arrival,
  ): void {
    const number = this.nextNumber;
    this.nextNumber += 1;
    const { spec } = task;
    const others = bytesOf(output, attempts) + (task.checkpoint?.bytes ?? 0);
    const bytes = Math.min(Buffer.byteLength(payload) + others, MOST_BYTES);
    const { record, head: to } = encodeTask(task, bytes, this.files.generation);
    const { id, batchId } = spec;
    transaction.add({ number, id, batchId, from: undefined, to, task, transition }, () => {
      this.files.putNew(number, { spec, record, payload, output, checkpoint });
      this.files.putAttempts(number, attempts);
    });
  }

  /**
   * False when another write came first.
   *
   * @param existing the record, when the caller has just read it
   */
  putChange(transaction: Transaction, change: Change, existing?: ExistingRecord): boolean {
    const { task, type, at, ended, output, checkpoint } = change;
    const { id, batchId } = task.spec;
    const current = existing ?? this.current(task, task.revision - 1);
    if (current === undefined) return false;
    const { number, head } = current;
    const attempt = ended === undefined ? undefined : JSON.stringify(ended);
    const growth = bytesOf(output, attempt === undefined ? [] : [attempt]) + (checkpoint?.growth ?? 0);
    const bytes = Math.max(0, Math.min(head.payloadBytes + growth, MOST_BYTES));
    const { record, head: to } = encodeTask(task, bytes, this.files.generation);
    const transition = type === undefined || at === undefined ? undefined : { task, type, at, ended };
    transaction.add({ number, id, batchId, from: head, to, task, transition }, () => {
      this.files.putChange(number, { record, sequence: task.sequence, ended: attempt, output, checkpoint });
    });
    return true;
  }

  /**
   * Adds a change of the size of a task's data, with the puts of those data. Not a revision: a caller that has read the
   * task can still replace it.
   */
  putSize(
    transaction: Transaction,
    { number, head, task }: ExistingRecord & { readonly task: Task },
    grown: number,
    save: () => void,
  ): void {
    const { id, batchId } = task.spec;
    const bytes = Math.min(Math.max(head.payloadBytes + grown, 0), MOST_BYTES);
    const { record, head: to } = encodeTask(task, bytes, this.files.generation);
    transaction.add({ number, id, batchId, from: head, to, task, transition: undefined }, () => {
      this.files.putChange(number, { record, sequence: task.sequence, ended: undefined, output: undefined });
      save();
    });
  }

  /** Adds the removal of a task; false when another write came first. */
  remove(transaction: Transaction, task: Task): boolean {
    const { id, batchId } = task.spec;
    const current = this.current(task, task.revision);
    if (current === undefined) return false;
    const { number, head: from } = current;
    transaction.add(
      { number, id, batchId, from, to: undefined, task: undefined, transition: undefined },
      () => {
        this.files.remove(number, task.spec);
      },
    );
    return true;
  }
}

/** Size of a record's output and finished attempts, which count towards retention. */
function bytesOf(output: JsonText | undefined, attempts: readonly JsonText[]): number {
  const ofOutput = output === undefined ? 0 : Buffer.byteLength(output);
  return attempts.reduce((sum, attempt) => sum + Buffer.byteLength(attempt), ofOutput);
}
