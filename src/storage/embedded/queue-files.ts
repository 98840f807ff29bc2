import type { Database, Key, RootDatabase } from 'lmdb';
import type { QueueSettings } from '../../task/queue-settings.js';
import type { Attempt, Task, TaskSpec } from '../../task/task.js';
import { type CheckpointChange, type JsonText, type Payload, StoreUnavailable } from '../task-store.js';
import { TaskOrigins } from '../task-origins.js';
import { GroupCommit, hear, type Puts } from './group-commit.js';
import type { ClearFilter, ClearMarks } from './clear-marks.js';
import { type HeldTask, HeldTasks } from './held-tasks.js';
import { LogBlocks } from './log-blocks.js';
import {
  BATCH_TASKS_TABLE,
  CHECKPOINTS_TABLE,
  CLEARS_TABLE,
  decodedBy,
  openFile,
  openTable,
  TASKS_TABLE,
} from './lmdb-file.js';
import type { TaskNumber } from './task-index.js';
import { Quarantine } from './quarantine.js';
import {
  DamagedValue,
  SEALED_BYTES_OR_DAMAGE,
  SEALED_JSON,
  SEALED_JSON_OR_DAMAGE,
  SEALED_JSON_TEXT,
  SEALED_OUTPUT,
  SEALED_PAYLOAD,
} from './sealed-value.js';
import { decodeHead, decodeTask, type StoredTask, type TaskHead } from './task-record.js';

/** The addresses and the event of a pending webhook. */
export interface OutboxRecord {
  readonly to: string;
  readonly event: JsonText;
}

/** A task's next record, with the attempt that ended and the output, if any. */
export interface NewRecord {
  readonly spec: TaskSpec;
  readonly record: Buffer;
  readonly payload: Payload;
  readonly output: JsonText | undefined;
  readonly checkpoint: JsonText | undefined;
}

export interface ChangedRecord {
  readonly record: Buffer;
  readonly sequence: number;
  /** The attempt that has ended. */
  readonly ended: JsonText | undefined;
  readonly output: JsonText | undefined;
  readonly checkpoint?: CheckpointChange | undefined;
}

/** A document and its age within its kind. */
export interface DocumentRecord {
  readonly born: number;
  readonly revision: number;
  readonly text: JsonText;
}

type DocumentKey = readonly [kind: string, id: string];

/** An index entry that leads to a task. */
interface Name {
  readonly number: TaskNumber;
  readonly spec: { readonly id?: string; readonly batchId?: string };
}

function rangeOf(number: TaskNumber) {
  return { start: [number, 0] as [number, number], end: [number, Infinity] as [number, number] };
}

/**
 * The tables of the embedded store in one LMDB file. Records are keyed by task number, so new records are appended and
 * tasks enqueued together are stored together.
 *
 * Puts and removals run within `write`, which makes them one transaction. With `overlappingSync: false` a transaction
 * ends when the file is synced, and reads see only committed transactions.
 */
export class QueueFiles {
  readonly root: RootDatabase;
  /** `eval_id` to the number of the task. */
  readonly numbers: Database<TaskNumber, string>;
  private readonly tasks: Database<StoredTask, TaskNumber>;
  /** The same records, decoded only as far as the indices need. */
  private readonly heads: Database<TaskHead, TaskNumber>;
  private readonly payloads: Database<Payload, TaskNumber>;
  readonly outputs: Database<JsonText, TaskNumber>;
  private readonly checkpoints: Database<JsonText, TaskNumber>;
  /** Finished attempts by task and by the sequence of the transition that ended them. */
  private readonly attempts: Database<Attempt | DamagedValue, [TaskNumber, number]>;
  /** The tasks of each batch. */
  readonly batchTasks: Database<true, [batchId: string, number: TaskNumber]>;
  /** Counters that outlive the process. */
  readonly counters: Database<number, string>;
  private readonly documents: Database<DocumentRecord | DamagedValue, [kind: string, id: string]>;
  /** Pending webhooks by event id. */
  readonly outbox: Database<OutboxRecord | DamagedValue, number>;
  /** Queue settings by queue name. */
  private readonly settings: Database<QueueSettings | DamagedValue, string>;
  /** Clears with records left in the file, by generation. */
  private readonly clears: Database<ClearFilter, number>;
  /** Number of clears so far. */
  generation: number;
  /** Ids of documents by kind and age. */
  private readonly documentAges: Database<string | DamagedValue, [kind: string, born: number]>;
  readonly logs: LogBlocks;
  readonly quarantine = new Quarantine();
  /** Called when lmdb fails to read. */
  onFailure: (error: Error) => void = () => undefined;

  private readonly group = new GroupCommit();
  private readonly origins = new TaskOrigins<TaskNumber>();
  private readonly held = new HeldTasks();

  /** The file must have passed `requireSoundFile`. */
  constructor(
    directory: string,
    private readonly marks: ClearMarks,
  ) {
    this.root = openFile(directory, { isInPieces: true });
    // lmdb creates one more promise per transaction and returns it to no caller. It does so after this event in the
    // same task, so a microtask sees it before another write replaces it.
    this.root.on('beforecommit', () => {
      this.group.closed();
      queueMicrotask(() => hear(this.root.committed));
    });
    this.numbers = this.table('numbers', { encoding: 'ordered-binary' });
    this.tasks = this.table(TASKS_TABLE, { encoder: decodedBy(decodeTask) });
    this.heads = this.table(TASKS_TABLE, { encoder: decodedBy(decodeHead) });
    this.payloads = this.table('payloads', { encoder: SEALED_PAYLOAD });
    this.outputs = this.table('outputs', { encoder: SEALED_OUTPUT });
    this.checkpoints = this.table(CHECKPOINTS_TABLE, { encoder: SEALED_OUTPUT });
    this.attempts = this.table('attempts', { encoder: SEALED_JSON_TEXT });
    this.batchTasks = this.table(BATCH_TASKS_TABLE, { encoding: 'json' });
    this.counters = this.table('counters', { encoder: SEALED_JSON });
    this.documents = this.table('documents', { encoder: SEALED_JSON_OR_DAMAGE });
    this.outbox = this.table('notices', { encoder: SEALED_JSON_OR_DAMAGE });
    this.settings = this.table('settings', { encoder: SEALED_JSON_OR_DAMAGE });
    this.documentAges = this.table('documentAges', { encoder: SEALED_JSON_OR_DAMAGE });
    this.clears = this.table(CLEARS_TABLE, { encoder: SEALED_JSON });
    this.logs = new LogBlocks({
      blocks: this.table('logs', { encoder: SEALED_BYTES_OR_DAMAGE }),
      dropped: this.table('droppedLogs', { encoding: 'json' }),
      note: (write) => {
        this.note(write);
      },
    });
    this.generation = this.counters.get('generation') ?? 0;
  }

  /**
   * Puts and removes in one transaction; resolves when it is on disk. `puts` runs at once, or after the pending
   * transaction. It must not throw, so encode and check values first.
   *
   * @param weight approximate number of tasks
   * @throws NeverWritten, or the error of lmdb
   */
  write(puts: Puts, weight?: number): Promise<void> {
    return this.group.write(puts, weight);
  }

  /** Resolves when no write is pending. */
  settled(): Promise<void> {
    return this.group.settled();
  }

  /** Adds a new task to the transaction. */
  putNew(number: TaskNumber, { spec, record, payload, output, checkpoint }: NewRecord): void {
    this.origins.note(spec, number);
    this.note(this.numbers.put(spec.id, number));
    if (spec.batchId !== undefined) this.note(this.batchTasks.put([spec.batchId, number], true));
    this.note(this.payloads.put(number, payload));
    if (output !== undefined) this.note(this.outputs.put(number, output));
    if (checkpoint !== undefined) this.note(this.checkpoints.put(number, checkpoint));
    this.note(this.tasks.put(number, record as never));
  }

  /** Adds the finished attempts of a task from another store. Later attempts get higher numbers. */
  putAttempts(number: TaskNumber, attempts: readonly JsonText[]): void {
    for (const [index, attempt] of attempts.entries())
      this.note(this.attempts.put([number, index], attempt as never));
  }

  /** Adds a task's next record and its related values to the transaction. */
  putChange(number: TaskNumber, change: ChangedRecord): void {
    const { record, sequence, ended, output, checkpoint } = change;
    if (output !== undefined) this.note(this.outputs.put(number, output));
    if (checkpoint?.text !== undefined) this.note(this.checkpoints.put(number, checkpoint.text));
    else if (checkpoint !== undefined) this.note(this.checkpoints.remove(number));
    if (ended !== undefined) this.note(this.attempts.put([number, sequence], ended as never));
    this.note(this.tasks.put(number, record as never));
  }

  /** Adds the removal of a task with all its data to the transaction. */
  remove(number: TaskNumber, { id, batchId }: Pick<TaskSpec, 'id' | 'batchId'>): void {
    this.note(this.numbers.remove(id));
    if (batchId !== undefined) this.note(this.batchTasks.remove([batchId, number]));
    this.removeParts(number);
  }

  private removeParts(number: TaskNumber): void {
    for (const key of this.attempts.getKeys(rangeOf(number))) this.note(this.attempts.remove(key));
    this.logs.drop(number);
    this.note(this.payloads.remove(number));
    this.note(this.outputs.remove(number));
    this.note(this.checkpoints.remove(number));
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

  /** A cleared task; `undefined` when its record has been removed. */
  readCleared(number: TaskNumber): StoredTask | 'damaged' | undefined {
    try {
      return this.tasks.get(number);
    } catch (error) {
      this.quarantine.note(number, error);
      return 'damaged';
    }
  }

  /** Ids and batches that lead to matching numbers, in portions of `step` examined entries. */
  *namesOf(isSelected: (number: TaskNumber) => boolean, step: number): Generator<readonly Name[]> {
    for (let start: string | undefined, isOver = false; !isOver;) {
      const entries = [...this.numbers.getRange({ start, limit: step })];
      isOver = entries.length < step;
      start = entries.at(-1)?.key;
      yield entries.flatMap(({ key: id, value: number }) =>
        isSelected(number) ? [{ number, spec: { id } }] : [],
      );
    }
    for (let start: [string, number] | undefined, isOver = false; !isOver;) {
      const keys = [...this.batchTasks.getKeys({ start, limit: step })];
      isOver = keys.length < step;
      start = keys.at(-1);
      yield keys.flatMap(([batchId, number]) => (isSelected(number) ? [{ number, spec: { batchId } }] : []));
    }
  }

  /**
   * Adds the removal of a cleared task's index entries to the transaction. Its id may already belong to another task,
   * or to one being written.
   */
  removeNames(number: TaskNumber, { id, batchId }: Name['spec'], isBusy: (id: string) => boolean): void {
    const ownsId = id !== undefined && this.numbers.get(id) === number && !isBusy(id);
    if (ownsId) this.note(this.numbers.remove(id));
    if (batchId !== undefined) this.note(this.batchTasks.remove([batchId, number]));
  }

  /** Adds the removal of records that a mark covers to the transaction. */
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

  /** Adds a pending webhook to the transaction. */
  putOutboxEntry(eventId: number, entry: OutboxRecord): void {
    this.note(this.outbox.put(eventId, entry));
  }

  /** Adds the removal of a pending webhook to the transaction. */
  removeOutboxEntry(eventId: number): void {
    this.note(this.outbox.remove(eventId));
  }

  /** Adds the settings of a queue to the transaction. */
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

  /** Ids of documents of a kind older than `born`, youngest first. */
  *documentsBefore(kind: string, born: number): Generator<{ readonly born: number; readonly id: string }> {
    const range = { start: [kind, born], end: [kind, 0], reverse: true } as const;
    for (const { key, value } of this.documentAges.getRange(range as never)) {
      if (key[1] < born && typeof value === 'string') yield { born: key[1], id: value };
    }
  }

  /** Reads a document. A damaged one is logged and reported as missing. */
  document(kind: string, id: string): DocumentRecord | undefined {
    const record = this.documents.get([kind, id]);
    if (!(record instanceof DamagedValue)) return record;
    this.quarantine.logDamage(`The ${kind} ${id}`, record);
    return undefined;
  }

  /** The settings of a queue. Damaged settings pause the queue until an operator sets them again. */
  settingsOf(queue: string): QueueSettings {
    return this.readableSettings(queue, this.settings.get(queue) ?? {});
  }

  /** Every queue with settings. */
  *allSettings(): Generator<readonly [queue: string, QueueSettings]> {
    for (const { key, value } of this.settings.getRange()) yield [key, this.readableSettings(key, value)];
  }

  private readableSettings(queue: string, settings: QueueSettings | DamagedValue): QueueSettings {
    if (!(settings instanceof DamagedValue)) return settings;
    this.quarantine.logDamage(
      `The settings record of queue ${queue}, which is paused until its settings are set again,`,
      settings,
    );
    return { paused: true };
  }

  /** @throws DamagedValue */
  payloadOf(number: TaskNumber): Payload {
    const payload = this.payloads.get(number);
    if (payload === undefined) throw new DamagedValue('its payload is missing');
    return payload;
  }

  /**
   * The text of a task's checkpoint; `undefined` when it has none.
   *
   * @throws DamagedValue
   */
  checkpointOf(number: TaskNumber, { checkpoint }: Task): JsonText | undefined {
    if (checkpoint === undefined) return undefined;
    const text = this.checkpoints.get(number);
    if (text === undefined) throw new DamagedValue('its checkpoint is missing');
    return text;
  }

  /** @throws DamagedValue */
  read(number: TaskNumber | undefined): Task | undefined {
    return this.readStored(number)?.task;
  }

  /** The same; `undefined` for a damaged task. */
  readSound(number: TaskNumber | undefined): Task | undefined {
    return number === undefined ? undefined : this.quarantine.attempt(number, () => this.read(number));
  }

  /** Numbers of a batch's tasks below `limit`, youngest first. */
  *tasksOfBatch(batchId: string, limit: TaskNumber): Generator<TaskNumber> {
    const range = { start: [batchId, limit], end: [batchId, -1], reverse: true } as const;
    for (const key of this.batchTasks.getKeys(range as never)) if (key[1] < limit) yield key[1];
  }

  /** The id of a task; empty when there is no task. */
  idOf(number: TaskNumber): string {
    return this.readSound(number)?.spec.id ?? '';
  }

  /** The head of a record; `undefined` when it is missing or cleared. */
  headOf(number: TaskNumber): TaskHead | undefined {
    if (this.quarantine.isCleared(number)) return undefined;
    const head = this.heads.get(number);
    return head === undefined || this.marks.covers(head) ? undefined : head;
  }

  /** The same; `undefined` for a damaged task. */
  soundHeadOf(number: TaskNumber): TaskHead | undefined {
    return this.quarantine.attempt(number, () => this.headOf(number));
  }

  /** The number of the task that currently has this id. */
  numberOfId(id: string): TaskNumber | undefined {
    const number = this.numbers.get(id);
    return number === undefined || this.headOf(number) === undefined ? undefined : number;
  }

  /** A complete record; `undefined` when it is missing or cleared. */
  readStored(number: TaskNumber | undefined): StoredTask | undefined {
    const isThere = number !== undefined && !this.quarantine.isCleared(number);
    const found = isThere ? this.tasks.get(number) : undefined;
    const stored = found === undefined || this.marks.covers(found.head) ? undefined : found;
    if (number !== undefined && stored !== undefined) this.origins.note(stored.task.spec, number);
    return stored;
  }

  /**
   * Finds the record of a task: the one it was read from, else the record with its id and enqueue time. Numbers are
   * never reused, so a later task with the same id does not match.
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

  /** Caches a record that is now durable; `undefined` when the task was removed. */
  written(id: string, record: HeldTask | undefined): void {
    this.held.follow(id, record);
  }

  /** The cached task in processing with this id. */
  heldAs(id: string): HeldTask | undefined {
    return this.held.get(id);
  }

  /** Call this after a clear is marked and before the next read. */
  forgetCleared(): void {
    this.held.forgetAll((head) => this.marks.covers(head));
  }

  /** Number of records of tasks, including cleared ones. */
  recordCount(): number {
    return (this.tasks.getStats() as { entryCount: number }).entryCount;
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

  /** A read error of lmdb itself stops the store, as a write error does. */
  private judged(error: unknown): unknown {
    const isOfLmdb = error instanceof Error && 'code' in error && typeof error.code === 'number';
    if (!isOfLmdb) return error;
    this.group.fail(error);
    this.onFailure(error);
    return new StoreUnavailable('The store has failed', false, { cause: error });
  }
}
