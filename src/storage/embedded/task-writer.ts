import type { Step } from '../../task/task.machine.js';
import type { Task } from '../../task/task.js';
import type { Change, KeptTask, Payload } from '../task-store.js';
import type { Commits, Transaction } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import type { TaskNumber } from './task-index.js';
import { encodeTask, headOf, type TaskHead } from './task.record.js';

/** A record that is there. */
export interface Place {
  readonly number: TaskNumber;
  readonly head: TaskHead;
}

/** Adds the records of tasks to a transaction. */
export class TaskWriter {
  private nextNumber: TaskNumber;

  /** @param lastNumber the youngest task there is */
  constructor(
    private readonly files: QueueFiles,
    private readonly commits: Commits,
    lastNumber: TaskNumber,
  ) {
    this.nextNumber = lastNumber + 1;
  }

  /** The record to write over: present, at this revision, with no write under way. */
  private current(task: Task, revision: number): Place | undefined {
    const { id } = task.spec;
    if (this.commits.isBusy(id)) return undefined;
    const number = this.files.numberOf(task);
    const head = number === undefined ? undefined : this.files.heads.get(number);
    return number === undefined || head?.revision !== revision ? undefined : { number, head };
  }

  putNew(transaction: Transaction, step: Step, payload: Payload): void {
    const number = this.nextNumber;
    this.nextNumber += 1;
    const bytes = Buffer.byteLength(payload);
    const { id } = step.task.spec;
    const record = encodeTask(step.task, bytes);
    this.files.putNew(number, { spec: step.task.spec, record, payload });
    transaction.add({ number, id, from: undefined, to: headOf(step.task, bytes, record), step });
  }

  /** Adds a task of another store as it is. */
  putKept(transaction: Transaction, { task, payload, output, attempts }: KeptTask): void {
    const number = this.nextNumber;
    this.nextNumber += 1;
    const { spec, sequence } = task;
    const bytes = Buffer.byteLength(payload) + Buffer.byteLength(output ?? '');
    const record = encodeTask(task, bytes);
    this.files.putNew(number, { spec, record, payload });
    this.files.putAttempts(number, attempts);
    if (output !== undefined) this.files.putChange(number, { record, sequence, ended: undefined, output });
    transaction.add({
      number,
      id: spec.id,
      from: undefined,
      to: headOf(task, bytes, record),
      step: undefined,
    });
  }

  /**
   * False when somebody else wrote first.
   *
   * @param place where the record is, when the caller has just read it
   */
  putChange(transaction: Transaction, change: Change, place?: Place): boolean {
    const { task, type, at, ended, output } = change;
    const { id } = task.spec;
    const current = place ?? this.current(task, task.revision - 1);
    if (current === undefined) return false;
    const { number, head } = current;
    const bytes = head.payloadBytes + (output === undefined ? 0 : Buffer.byteLength(output));
    const record = encodeTask(task, bytes);
    this.files.putChange(number, { record, sequence: task.sequence, ended, output });
    const step = type === undefined || at === undefined ? undefined : { task, type, at, ended };
    transaction.add({ number, id, from: head, to: headOf(task, bytes, record), step });
    return true;
  }

  /** Adds the removal of a task; false when somebody else wrote first. */
  remove(transaction: Transaction, task: Task): boolean {
    const { id } = task.spec;
    const current = this.current(task, task.revision);
    if (current === undefined) return false;
    this.files.remove(current.number, id);
    transaction.add({ number: current.number, id, from: current.head, to: undefined, step: undefined });
    return true;
  }
}
