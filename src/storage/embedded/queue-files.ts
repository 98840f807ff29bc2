import type { Database, Key, RootDatabase } from 'lmdb';
import type { QueueSettings } from '../../task/queue-settings.js';
import type { Attempt, Task, TaskSpec } from '../../task/task.js';
import { type JsonText, type Payload, StoreUnavailable } from '../task-store.js';
import { TaskOrigins } from '../task-origins.js';
import { GroupCommit, hear, type Puts } from './group-commit.js';
import type { ClearFilter, ClearMarks } from './clear-marks.js';
import { type HeldTask, HeldTasks } from './held-tasks.js';
import { CLEARS_TABLE, decodedBy, openFile, openTable, TASKS_TABLE } from './lmdb-file.js';
import type { TaskNumber } from './task-index.js';
import { Quarantine } from './quarantine.js';
import {
  DamagedValue,
  SEALED_JSON,
  SEALED_JSON_OR_DAMAGE,
  SEALED_JSON_TEXT,
  SEALED_OUTPUT,
  SEALED_PAYLOAD,
} from './sealed-value.js';
import { decodeHead, decodeTask, type StoredTask, type TaskHead } from './task.record.js';

/** Whom to tell of which event. */
export interface NoticeRecord {
  readonly to: string;
  readonly event: JsonText;
}

/** A task's next record, the attempt that ended on the way there, and what the task produced. */
export interface NewRecord {
  readonly spec: TaskSpec;
  readonly record: Buffer;
  readonly payload: Payload;
  readonly output: JsonText | undefined;
}

export interface ChangedRecord {
  readonly record: Buffer;
  readonly sequence: number;
  /** The attempt that has ended. */
  readonly ended: JsonText | undefined;
  readonly output: JsonText | undefined;
}

/** A document, and its age among those of its kind. */
export interface DocumentRecord {
  readonly born: number;
  readonly revision: number;
  readonly text: JsonText;
}

type DocumentKey = readonly [kind: string, id: string];

/** What leads to a task. */
interface Name {
  readonly number: TaskNumber;
  readonly spec: { readonly id?: string; readonly batchId?: string };
}

function rangeOf(number: TaskNumber) {
  return { start: [number, 0] as [number, number], end: [number, Infinity] as [number, number] };
}

/**
 * The tables of the embedded store in one LMDB file. Records are keyed by the number of the task, so that what is
 * enqueued together lies together and new records are appended.
 *
 * Whatever puts and removes is called within `write`, which makes one transaction of it. With `overlappingSync: false`
 * a transaction has ended when the file was synced, and reads see committed transactions only.
 */
export class QueueFiles {
  readonly root: RootDatabase;
  /** `eval_id` to the number of the task. */
  readonly numbers: Database<TaskNumber, string>;
  private readonly tasks: Database<StoredTask, TaskNumber>;
  /** The same records, read as far as the indices need. */
  private readonly heads: Database<TaskHead, TaskNumber>;
  private readonly payloads: Database<Payload, TaskNumber>;
  readonly outputs: Database<JsonText, TaskNumber>;
  /** Finished attempts by task and by the sequence of the transition that ended them. */
  private readonly attempts: Database<Attempt | DamagedValue, [TaskNumber, number]>;
  /** The tasks of each batch. */
  readonly batchTasks: Database<true, [batchId: string, number: TaskNumber]>;
  /** Counters that outlive the process. */
  readonly counters: Database<number, string>;
  private readonly documents: Database<DocumentRecord | DamagedValue, [kind: string, id: string]>;
  /** What was not taken on yet, by the id of the event. */
  readonly notices: Database<NoticeRecord | DamagedValue, number>;
  /** What is set for queues, by name. */
  private readonly settings: Database<QueueSettings | DamagedValue, string>;
  /** Clears whose tasks are not all out of the file, by generation. */
  private readonly clears: Database<ClearFilter, number>;
  /** How many clears there have been. */
  generation: number;
  /** Ids of documents by kind and age. */
  private readonly documentAges: Database<string | DamagedValue, [kind: string, born: number]>;
  readonly quarantine = new Quarantine();
  /** Is told when lmdb has failed to read. */
  onFailure: (error: Error) => void = () => undefined;

  private readonly group = new GroupCommit();
  private readonly origins = new TaskOrigins<TaskNumber>();
  private readonly held = new HeldTasks();

  /** The file must be known to be sound. */
  constructor(
    directory: string,
    private readonly marks: ClearMarks,
  ) {
    this.root = openFile(directory, { isInPieces: true });
    // lmdb makes one more promise for each transaction, and gives it to nobody. It is made after this event, in the same
    // task; a microtask comes right behind, before another write can hide it.
    this.root.on('beforecommit', () => {
      this.group.closed();
      queueMicrotask(() => hear(this.root.committed));
    });
    this.numbers = this.table('numbers', { encoding: 'ordered-binary' });
    this.tasks = this.table(TASKS_TABLE, { encoder: decodedBy(decodeTask) });
    this.heads = this.table(TASKS_TABLE, { encoder: decodedBy(decodeHead) });
    this.payloads = this.table('payloads', { encoder: SEALED_PAYLOAD });
    this.outputs = this.table('outputs', { encoder: SEALED_OUTPUT });
    this.attempts = this.table('attempts', { encoder: SEALED_JSON_TEXT });
    this.batchTasks = this.table('batchTasks', { encoding: 'json' });
    this.counters = this.table('counters', { encoder: SEALED_JSON });
    this.documents = this.table('documents', { encoder: SEALED_JSON_OR_DAMAGE });
    this.notices = this.table('notices', { encoder: SEALED_JSON_OR_DAMAGE });
    this.settings = this.table('settings', { encoder: SEALED_JSON_OR_DAMAGE });
    this.documentAges = this.table('documentAges', { encoder: SEALED_JSON_OR_DAMAGE });
    this.clears = this.table(CLEARS_TABLE, { encoder: SEALED_JSON });
    this.generation = this.counters.get('generation') ?? 0;
  }

  /**
   * Puts and removes, in one transaction; resolves when it is on disk. `puts` runs at once, or when the transaction
   * that is under way has ended, and must not throw: encode and check before.
   *
   * @param weight about how many tasks are put
   * @throws NeverWritten, or what lmdb says
   */
  write(puts: Puts, weight?: number): Promise<void> {
    return this.group.write(puts, weight);
  }

  /** Resolves when no write is under way. */
  settled(): Promise<void> {
    return this.group.settled();
  }

  /** Adds a new task to the transaction. */
  putNew(number: TaskNumber, { spec, record, payload, output }: NewRecord): void {
    this.origins.note(spec, number);
    this.note(this.numbers.put(spec.id, number));
    if (spec.batchId !== undefined) this.note(this.batchTasks.put([spec.batchId, number], true));
    this.note(this.payloads.put(number, payload));
    if (output !== undefined) this.note(this.outputs.put(number, output));
    this.note(this.tasks.put(number, record as never));
  }

  /** Adds the finished attempts of a task that another store had. Those that follow have higher numbers. */
  putAttempts(number: TaskNumber, attempts: readonly JsonText[]): void {
    for (const [index, attempt] of attempts.entries())
      this.note(this.attempts.put([number, index], attempt as never));
  }

  /** Adds the next record of a task, and what goes with it, to the transaction. */
  putChange(number: TaskNumber, change: ChangedRecord): void {
    const { record, sequence, ended, output } = change;
    if (output !== undefined) this.note(this.outputs.put(number, output));
    if (ended !== undefined) this.note(this.attempts.put([number, sequence], ended as never));
    this.note(this.tasks.put(number, record as never));
  }

  /** Adds the removal of a task, and of all that belongs to it, to the transaction. */
  remove(number: TaskNumber, { id, batchId }: Pick<TaskSpec, 'id' | 'batchId'>): void {
    this.note(this.numbers.remove(id));
    if (batchId !== undefined) this.note(this.batchTasks.remove([batchId, number]));
    this.removeParts(number);
  }

  private removeParts(number: TaskNumber): void {
    for (const key of this.attempts.getKeys(rangeOf(number))) this.note(this.attempts.remove(key));
    this.note(this.payloads.remove(number));
    this.note(this.outputs.remove(number));
    this.note(this.tasks.remove(number));
  }

  /** Adds the mark of a clear to the transaction. */
  putClear(generation: number, filter: ClearFilter): void {
    this.note(this.clears.put(generation, filter));
  }

  /** Adds the removal of the marks up to this generation to the transaction. */
  removeClears(latest: number): void {
    for (const generation of this.clears.getKeys({ end: latest + 1 }))
      this.note(this.clears.remove(generation));
  }

  /** A task that was cleared; `undefined` when it is gone. */
  readCleared(number: TaskNumber): StoredTask | 'damaged' | undefined {
    try {
      return this.tasks.get(number);
    } catch (error) {
      this.quarantine.note(number, error);
      return 'damaged';
    }
  }

  /** Ids and batches that lead to such numbers: those among so many entries of each step. */
  *namesOf(isMeant: (number: TaskNumber) => boolean, step: number): Generator<readonly Name[]> {
    for (let start: string | undefined, isOver = false; !isOver;) {
      const entries = [...this.numbers.getRange({ start, limit: step })];
      isOver = entries.length < step;
      start = entries.at(-1)?.key;
      yield entries.flatMap(({ key: id, value: number }) =>
        isMeant(number) ? [{ number, spec: { id } }] : [],
      );
    }
    for (let start: [string, number] | undefined, isOver = false; !isOver;) {
      const keys = [...this.batchTasks.getKeys({ start, limit: step })];
      isOver = keys.length < step;
      start = keys.at(-1);
      yield keys.flatMap(([batchId, number]) => (isMeant(number) ? [{ number, spec: { batchId } }] : []));
    }
  }

  /**
   * Adds the removal of what leads to a cleared task to the transaction. Its id may belong to another task by now, or to
   * one that is being written.
   */
  removeNames(number: TaskNumber, { id, batchId }: Name['spec'], isBusy: (id: string) => boolean): void {
    const ownsId = id !== undefined && this.numbers.get(id) === number && !isBusy(id);
    if (ownsId) this.note(this.numbers.remove(id));
    if (batchId !== undefined) this.note(this.batchTasks.remove([batchId, number]));
  }

  /** Adds the removal of what a mark covers to the transaction. */
  reclaim(
    number: TaskNumber,
    spec: Pick<TaskSpec, 'id' | 'batchId'> | undefined,
    isBusy: (id: string) => boolean,
  ): void {
    if (spec !== undefined) this.removeNames(number, spec, isBusy);
    this.removeParts(number);
  }

  /** Adds a counter to the transaction. */
  setCounter(name: string, value: number): void {
    this.note(this.counters.put(name, value));
  }

  /** Adds a notice to the transaction. */
  putNotice(eventId: number, notice: NoticeRecord): void {
    this.note(this.notices.put(eventId, notice));
  }

  /** Adds the removal of a notice to the transaction. */
  removeNotice(eventId: number): void {
    this.note(this.notices.remove(eventId));
  }

  /** Adds what is set for a queue to the transaction. */
  putSettings(queue: string, settings: QueueSettings): void {
    const isEmpty = Object.keys(settings).length === 0;
    this.note(isEmpty ? this.settings.remove(queue) : this.settings.put(queue, settings));
  }

  /** Adds a document to the transaction. */
  putDocument([kind, id]: DocumentKey, record: DocumentRecord): void {
    this.note(this.documents.put([kind, id], record));
    this.note(this.documentAges.put([kind, record.born], id));
  }

  /** Adds the removal of a document to the transaction. */
  removeDocument([kind, id]: DocumentKey, { born }: DocumentRecord): void {
    this.note(this.documents.remove([kind, id]));
    this.note(this.documentAges.remove([kind, born]));
  }

  /** Ids of the documents of a kind that are older than this, the youngest first. */
  *documentsBefore(kind: string, born: number): Generator<{ readonly born: number; readonly id: string }> {
    const range = { start: [kind, born], end: [kind, 0], reverse: true } as const;
    for (const { key, value } of this.documentAges.getRange(range as never)) {
      if (key[1] < born && typeof value === 'string') yield { born: key[1], id: value };
    }
  }

  /** A document; one that is damaged is told in the log, and is as if it were not there. */
  document(kind: string, id: string): DocumentRecord | undefined {
    const record = this.documents.get([kind, id]);
    if (!(record instanceof DamagedValue)) return record;
    this.quarantine.tell(`The ${kind} ${id}`, record);
    return undefined;
  }

  /** What is set for a queue. When that is damaged nobody knows its limits: it is paused until it is set again. */
  settingsOf(queue: string): QueueSettings {
    return this.readableSettings(queue, this.settings.get(queue) ?? {});
  }

  /** Every queue for which something is set. */
  *allSettings(): Generator<readonly [queue: string, QueueSettings]> {
    for (const { key, value } of this.settings.getRange()) yield [key, this.readableSettings(key, value)];
  }

  private readableSettings(queue: string, settings: QueueSettings | DamagedValue): QueueSettings {
    if (!(settings instanceof DamagedValue)) return settings;
    this.quarantine.tell(`What is set for queue ${queue}, which is paused until it is set again,`, settings);
    return { paused: true };
  }

  /** @throws DamagedValue */
  payloadOf(number: TaskNumber): Payload {
    const payload = this.payloads.get(number);
    if (payload === undefined) throw new DamagedValue('its payload is missing');
    return payload;
  }

  /** @throws DamagedValue */
  read(number: TaskNumber | undefined): Task | undefined {
    return this.readStored(number)?.task;
  }

  /** The same for whoever goes on without a task that is damaged. */
  readSound(number: TaskNumber | undefined): Task | undefined {
    return number === undefined ? undefined : this.quarantine.attempt(number, () => this.read(number));
  }

  /** Numbers of the tasks of a batch that are older than `limit`, the youngest first. */
  *tasksOfBatch(batchId: string, limit: TaskNumber): Generator<TaskNumber> {
    const range = { start: [batchId, limit], end: [batchId, -1], reverse: true } as const;
    for (const key of this.batchTasks.getKeys(range as never)) if (key[1] < limit) yield key[1];
  }

  /** Empty for a number without a task. */
  idOf(number: TaskNumber): string {
    return this.readSound(number)?.spec.id ?? '';
  }

  /** The head of a record; `undefined` when there is none, or it was cleared. */
  headOf(number: TaskNumber): TaskHead | undefined {
    if (this.quarantine.isCleared(number)) return undefined;
    const head = this.heads.get(number);
    return head === undefined || this.marks.covers(head) ? undefined : head;
  }

  /** The same for whoever goes on without a task that is damaged. */
  soundHeadOf(number: TaskNumber): TaskHead | undefined {
    return this.quarantine.attempt(number, () => this.headOf(number));
  }

  /** The number of the task that has this id now. */
  numberOfId(id: string): TaskNumber | undefined {
    const number = this.numbers.get(id);
    return number === undefined || this.headOf(number) === undefined ? undefined : number;
  }

  /** A record, read whole; `undefined` when there is none, or it was cleared. */
  readStored(number: TaskNumber | undefined): StoredTask | undefined {
    const isThere = number !== undefined && !this.quarantine.isCleared(number);
    const found = isThere ? this.tasks.get(number) : undefined;
    const stored = found === undefined || this.marks.covers(found.head) ? undefined : found;
    if (number !== undefined && stored !== undefined) this.origins.note(stored.task.spec, number);
    return stored;
  }

  /**
   * Where the record of a task is: where it was read from, or else what has its id now and was enqueued at the same
   * time. A number is given out once, so a record that was removed is not taken for a later one of the same id.
   */
  numberOf({ spec, createdAt }: Task): TaskNumber | undefined {
    const origin = this.origins.of(spec);
    if (origin !== undefined) return origin;
    const number = this.numbers.get(spec.id);
    return this.readStored(number)?.task.createdAt === createdAt ? number : undefined;
  }

  attemptsOf(number: TaskNumber): Attempt[] {
    return [...this.attempts.getRange(rangeOf(number))].map(({ value }) => {
      if (value instanceof DamagedValue) throw value;
      return value;
    });
  }

  /** Remembers what was written, now that it is durable; `undefined`: the task is gone. */
  written(id: string, record: HeldTask | undefined): void {
    this.held.follow(id, record);
  }

  /** The task that has this id, when it is in processing and remembered. */
  heldAs(id: string): HeldTask | undefined {
    return this.held.get(id);
  }

  /** To be called when a clear is marked, before anybody reads. */
  forgetCleared(): void {
    this.held.forgetAll((head) => this.marks.covers(head));
  }

  close(): Promise<void> {
    return this.root.close();
  }

  private note(write: Promise<unknown>): void {
    this.group.note(write);
  }

  private table<Value, TableKey extends Key>(name: string, options: object): Database<Value, TableKey> {
    const table = openTable<Value, TableKey>(this.root, name, options);
    const get = table.get.bind(table);
    table.get = (key, getOptions) => {
      try {
        return get(key, getOptions);
      } catch (error) {
        throw this.judged(error);
      }
    };
    return table;
  }

  /** What lmdb itself cannot read is the end of the store, as what it cannot write. */
  private judged(error: unknown): unknown {
    const isOfLmdb = error instanceof Error && 'code' in error && typeof error.code === 'number';
    if (!isOfLmdb) return error;
    this.group.fail(error);
    this.onFailure(error);
    return new StoreUnavailable('The store has failed', false, { cause: error });
  }
}
