import { setImmediate as nextTurn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Clock } from '../../task/clock.js';
import type { Attempt, Task } from '../../task/task.js';
import {
  type Change,
  type ClaimedTask,
  type ClaimRequest,
  type JsonText,
  type KeptTask,
  type NewTask,
  type Payload,
  type StoreSettings,
  TASKS_PER_COMMIT,
  TaskStore,
} from '../task-store.js';
import type { CommittedTransition, TransitionWatcher } from '../transitions.js';
import { claimKeyOf } from '../claim-key.js';
import { DEFAULT_LOG_LIMITS } from '../task-logs.js';
import { BirthTimes } from './birth-times.js';
import { Commits } from './commits.js';
import type { ClearFilter, ClearMarks } from './clear-marks.js';
import { EmbeddedDocuments } from './embedded-documents.js';
import { EmbeddedLogs } from './embedded-logs.js';
import { EmbeddedOutbox } from './embedded-outbox.js';
import { EmbeddedViews } from './embedded-views.js';
import { EmbeddedSettings } from './embedded-settings.js';
import { lockDirectory } from './directory-lock.js';
import { requireSoundFile } from './file-check.js';
import { countRecords, ensureFile, fileIn, readMarks } from './lmdb-file.js';
import { saveSnapshot, type StoreSnapshot, takeSnapshot } from './index-snapshot.js';
import { LogSweeper } from './log-sweeper.js';
import { QueueFiles } from './queue-files.js';
import { TaskClaimer } from './task-claimer.js';
import { TaskClearer } from './task-clearer.js';
import { type TakenDeadline, TaskIndex, type TaskNumber } from './task-index.js';
import { withPlausibleLease } from '../../task/task.machine.js';
import { TaskDamaged } from '../../task/task.errors.js';
import { DamagedValue } from './sealed-value.js';
import { RankedSet } from './ranked-set.js';
import { RecordReader } from './record-reader.js';
import { TaskReclaimer } from './task-reclaimer.js';
import { TaskWriter } from './task-writer.js';
import type { StoredTask } from './task-record.js';
import { isFinalState } from '../../task/task-state.js';

/** Delay before an unreadable record's deadline is checked again. */
const DAMAGED_WAIT_MS = 60_000;

/** Names that one turn searches for a damaged record's name. */
const NAMES_PER_TURN = 1_000;

export interface EmbeddedOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly settings: StoreSettings;
  /** A clean stop saves a snapshot of the indices from this number of tasks on. */
  readonly snapshotFrom?: number;
  /** Milliseconds without a write before the snapshot is made. A test whose file is at rest needs none. */
  readonly settleMs?: number;
}

/** Fewer tasks are read from the file about as fast as from a snapshot. */
const SNAPSHOT_FROM = 10_000;

const logger = new Logger('EmbeddedTaskStore');

/** Results of the checks before the store opens its files. */
interface Loaded {
  readonly index: TaskIndex;
  readonly marks: ClearMarks;
  /** Tasks that the marks cover. */
  readonly cleared: RankedSet;
  /** Unreadable records. */
  readonly damaged: ReadonlyMap<TaskNumber, DamagedValue>;
  readonly lastNumber: TaskNumber;
  /** Tasks in processing whose leases may need a correction. */
  readonly doubtfulLeases: readonly TaskNumber[];
  readonly unlock: () => void;
}

/**
 * The store of a single process: records in LMDB, indices in memory, no other service.
 *
 * A call decides everything in one turn of the event loop, adds its records to that turn's transaction, and waits for
 * the sync. A task is *busy* while its write is pending: reads wait and other writes fail. Decisions are therefore
 * committed in order, and no decision depends on a record that could still be lost. The indices are updated after the
 * commit. Only a claim removes its tasks from the ready index at once, so that no other claim gets them.
 */
export class EmbeddedTaskStore extends TaskStore {
  readonly clock: Clock;
  readonly publishesEvents = false;
  override readonly lastEventId: number;
  override readonly outbox: EmbeddedOutbox;
  readonly failure: Promise<Error>;
  readonly settings: EmbeddedSettings;
  readonly views: EmbeddedViews;
  readonly documents: EmbeddedDocuments;
  readonly logs: EmbeddedLogs;
  private readonly files: QueueFiles;
  private readonly index: TaskIndex;
  private readonly marks: ClearMarks;
  private readonly unlock: () => void;
  private readonly commits: Commits;
  private readonly writer: TaskWriter;
  private readonly claimer: TaskClaimer;
  private readonly clearer: TaskClearer;
  private readonly reclaimer: TaskReclaimer;
  private readonly logSweeper: LogSweeper;
  private compacting: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  /**
   * Opens the store, and creates a missing one.
   *
   * @throws NoDirectory when the directory cannot be created; DirectoryInUse when another process uses it
   * @throws CorruptFile or CorruptRecord when the file is damaged; the file is left as it is
   */
  static async open(options: EmbeddedOptions): Promise<EmbeddedTaskStore> {
    const unlock = lockDirectory(options.directory);
    try {
      await ensureFile(options.directory);
      const loaded = await load(options);
      const store = new EmbeddedTaskStore(options, { ...loaded, unlock });
      await store.correctLeases(loaded.doubtfulLeases);
      return store;
    } catch (error) {
      unlock();
      throw error;
    }
  }

  private constructor(
    private readonly options: EmbeddedOptions,
    { index, marks, cleared, damaged, lastNumber, unlock }: Loaded,
  ) {
    super();
    const { clock, directory, settings } = options;
    const files = new QueueFiles(directory, marks);
    this.clock = clock;
    this.files = files;
    this.index = index;
    this.unlock = unlock;
    for (const [number, damage] of damaged) files.quarantine.note(number, damage);
    this.marks = marks;
    this.commits = new Commits(files, this.index, settings.webhookTypes);
    this.reclaimer = new TaskReclaimer(files, index, this.commits, marks, clock);
    this.clearer = new TaskClearer(files, index, this.commits, marks, this.reclaimer);
    this.writer = new TaskWriter(files, this.commits, Math.max(lastNumber, files.logs.lastDropped));
    this.logs = new EmbeddedLogs({
      files,
      commits: this.commits,
      writer: this.writer,
      limits: settings.logs ?? DEFAULT_LOG_LIMITS,
      obstacle: (ids) => this.obstacle(ids),
    });
    this.logSweeper = new LogSweeper(files, this.commits);
    this.reclaimer.onReclaimed = () => {
      this.logSweeper.wake();
    };
    this.logSweeper.wake();
    const births = new BirthTimes((number) => files.readSound(number)?.createdAt);
    this.claimer = new TaskClaimer(files, this.index, this.commits, this.writer, clock, births);
    this.views = new EmbeddedViews({ files, index, commits: this.commits, births });
    this.documents = new EmbeddedDocuments(files, this.commits);
    this.settings = new EmbeddedSettings({ files, index, commits: this.commits, clock });
    this.failure = this.commits.failure;
    this.outbox = new EmbeddedOutbox(files, this.commits);
    this.lastEventId = this.commits.lastEventId;
    this.reclaimer.add([cleared]);
    // Deferred: the caller that found the damage may be iterating over the indices.
    files.quarantine.onFound = (number) => {
      queueMicrotask(() => void this.removeDamaged(number).catch(() => undefined));
    };
  }

  /** Removes a damaged task from all lists and counts, as a restart would. No worker can claim it. */
  private async removeDamaged(number: TaskNumber): Promise<void> {
    const { files, index, commits } = this;
    if (!commits.isOpen) return;
    const stored = files.quarantine.attempt(number, () => files.readStored(number));
    const taken = index.removeDamaged(number, stored?.head);
    if (taken === undefined) return;
    if (taken.state === 'processing') commits.reportRelaxedLimits(taken.queue);
    const { generation } = files;
    const batchId = stored === undefined ? await this.batchWith(number) : stored.task.spec.batchId;
    // A clear in the meantime has corrected the counts.
    if (batchId !== undefined && files.generation === generation)
      index.batches.move(batchId, taken, undefined);
  }

  /** Finds the batch of a task with an unreadable record, in several turns. */
  private async batchWith(number: TaskNumber): Promise<string | undefined> {
    for (const names of this.files.namesOf((each) => each === number, NAMES_PER_TURN)) {
      const found = names.find(({ spec }) => spec.batchId !== undefined);
      if (found !== undefined) return found.spec.batchId;
      await nextTurn();
      if (!this.commits.isOpen) return undefined;
    }
    return undefined;
  }

  /** Corrects leases from a clock that ran ahead: the process that granted them had its own clock. */
  private async correctLeases(held: readonly TaskNumber[]): Promise<void> {
    for (let from = 0; from < held.length; from += TASKS_PER_COMMIT) {
      await this.commits.write((transaction) => {
        for (const number of held.slice(from, from + TASKS_PER_COMMIT)) {
          const stored = this.files.quarantine.attempt(number, () => this.files.readStored(number));
          const task = stored && withPlausibleLease(stored.task, this.clock.now());
          if (stored && task) this.writer.putChange(transaction, { task }, { number, head: stored.head });
        }
      });
    }
  }

  get isAvailable(): boolean {
    return this.commits.isOpen;
  }

  get generation(): number {
    return this.files.generation;
  }

  onCommit(listener: (transitions: readonly CommittedTransition[]) => void): void {
    this.commits.onCommit(listener);
  }

  protected addWatcher(watcher: TransitionWatcher): void {
    this.commits.watch(watcher);
  }

  // ------------------------------------------------------------------------------------------ reading

  async find(id: string): Promise<Task | undefined> {
    await this.commits.readable(id);
    return this.read(id);
  }

  async findPayload(id: string): Promise<Payload | undefined> {
    await this.commits.readable(id);
    return this.readPart(id, (number) => this.files.payloadOf(number));
  }

  async findOutput(id: string): Promise<JsonText | undefined> {
    await this.commits.readable(id);
    return this.readPart(id, (number) => this.files.outputs.get(number));
  }

  async findCheckpoint(id: string): Promise<JsonText | undefined> {
    await this.commits.readable(id);
    return this.readPart(id, (number) => {
      const task = this.files.read(number);
      return task && this.files.checkpointOf(number, task);
    });
  }

  async findAttempts(id: string): Promise<readonly Attempt[]> {
    await this.commits.readable(id);
    return this.readPart(id, (number) => this.files.attemptsOf(number)) ?? [];
  }

  async untilDue(): Promise<number | undefined> {
    await this.commits.opened();
    this.compacting ??= this.compactDeadlines().finally(() => {
      this.compacting = undefined;
    });
    await this.dropStaleDeadlines();
    return this.index.untilDue(this.clock.now());
  }

  async due(limit: number): Promise<readonly Task[]> {
    await this.commits.opened();
    const now = this.clock.now();
    const due = new Map<TaskNumber, Task>();
    const taken = new Map<TaskNumber, TakenDeadline>();
    const ended = { count: 0, bytes: 0 };
    try {
      while (due.size < limit) {
        await this.dropStaleDeadlines();
        const deadline = this.index.takeDue(now, ended);
        if (deadline === undefined) break;
        const isFirst = !taken.has(deadline.key);
        taken.set(deadline.key, deadline);
        const stored = this.readDue(deadline.key);
        if (stored === 'damaged') taken.set(deadline.key, { ...deadline, at: deadline.at + DAMAGED_WAIT_MS });
        if (stored === 'damaged' || stored === undefined) continue;
        if (isFirst && isFinalState(stored.head.state)) {
          ended.count += 1;
          ended.bytes += stored.head.bytes;
        }
        if (!this.commits.isBusy(stored.task.spec.id)) due.set(deadline.key, stored.task);
      }
    } finally {
      for (const deadline of taken.values()) this.index.restore(deadline);
    }
    return [...due.values()];
  }

  /** Postpones the deadline of an unreadable record, so that it does not block the others. */
  private readDue(number: TaskNumber): StoredTask | 'damaged' | undefined {
    try {
      return this.files.readStored(number);
    } catch (error) {
      this.files.quarantine.note(number, error);
      return 'damaged';
    }
  }

  /** Refreshes the earliest deadlines, in several turns. */
  private async dropStaleDeadlines(): Promise<void> {
    while (!this.index.dropStaleDeadlines((number) => this.files.headOf(number))) {
      await nextTurn();
      this.commits.requireOpen();
    }
  }

  /** Cleans out stale deadlines in small steps that leave room for other calls. */
  private async compactDeadlines(): Promise<void> {
    while (this.commits.isOpen && !this.index.compactDeadlines((number) => this.files.headOf(number)))
      await nextTurn();
  }

  // ------------------------------------------------------------------------------------------ writing

  async insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]> {
    const ids = items.map(({ transition }) => transition.task.spec.id);
    for (let wait = this.obstacle(ids); wait !== undefined; wait = this.obstacle(ids)) await wait;
    return this.commits.write((transaction) => {
      const fresh = new Map<string, Task>();
      return items.map(({ transition, payload }) => {
        const { id } = transition.task.spec;
        const existing = fresh.get(id) ?? this.read(id);
        if (existing !== undefined) return existing;
        fresh.set(id, transition.task);
        this.writer.putNew(transaction, transition, payload);
        return undefined;
      });
    });
  }

  async restore(items: readonly KeptTask[]): Promise<readonly boolean[]> {
    const ids = items.map(({ task }) => task.spec.id);
    for (let wait = this.obstacle(ids); wait !== undefined; wait = this.obstacle(ids)) await wait;
    return this.commits.write((transaction) => {
      const taken = new Set<string>();
      return items.map((item) => {
        const { id } = item.task.spec;
        if (taken.has(id) || this.isTaken(id)) return false;
        taken.add(id);
        this.writer.putKept(transaction, item);
        return true;
      });
    });
  }

  async replace(changes: readonly Change[]): Promise<readonly boolean[]> {
    for (let wait = this.obstacle(); wait !== undefined; wait = this.obstacle()) await wait;
    return this.commits.write((transaction) =>
      changes.map((change) => this.writer.putChange(transaction, change)),
    );
  }

  async remove(tasks: readonly Task[]): Promise<readonly boolean[]> {
    for (let wait = this.obstacle(); wait !== undefined; wait = this.obstacle()) await wait;
    const removed = this.commits.write((transaction) =>
      tasks.map((task) => this.writer.remove(transaction, task)),
    );
    this.logSweeper.wake();
    return removed;
  }

  async claim(request: ClaimRequest): Promise<readonly ClaimedTask[]> {
    const { workerId, claimId } = request.grant;
    const claimKey = claimId === undefined ? undefined : claimKeyOf(workerId, claimId);
    for (;;) {
      for (let wait = this.obstacle([], claimKey); wait !== undefined; wait = this.obstacle([], claimKey))
        await wait;
      const held = claimKey === undefined ? [] : this.claimer.heldBy(claimKey);
      if (held.length > 0) return held;
      const { claimed, isDone } = await this.commits.write((transaction) =>
        this.claimer.claim(request, transaction),
      );
      if (isDone || claimed.length > 0) return claimed;
      // Lets other calls run before the next step.
      await nextTurn();
    }
  }

  async clear(filter: ClearFilter): Promise<number> {
    for (let wait = this.obstacle(); wait !== undefined; wait = this.obstacle()) await wait;
    return this.clearer.clear(filter);
  }

  /** Resolves when the file holds no cleared record and no log of a removed task any more. */
  async reclaimed(): Promise<void> {
    await this.reclaimer.idle();
    await this.logSweeper.idle();
  }

  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private async shut(): Promise<void> {
    this.commits.refuse('The store is closed');
    await Promise.allSettled([
      this.commits.allEnded(),
      this.documents.allEnded(),
      this.settings.allEnded(),
      this.clearer.underWay,
    ]);
    await this.reclaimer.stop();
    await this.logSweeper.stop();
    await this.compacting;
    await this.files.settled();
    // lmdb is not touched after a failed write. The process is about to end, which releases the lock.
    if (this.commits.hasFailed) return;
    const snapshot = this.snapshot();
    await this.files.close();
    if (snapshot !== undefined) await this.save(snapshot);
    this.unlock();
  }

  /** What the next start needs; `undefined` when a start should look at the records: there are few, or any is not sound. */
  private snapshot(): StoreSnapshot | undefined {
    const { snapshotFrom = SNAPSHOT_FROM } = this.options;
    const records = this.files.recordCount();
    const isPlain = this.files.quarantine.size === 0 && this.marks.latest === 0;
    const index = isPlain && records >= snapshotFrom ? this.index.dump(records) : undefined;
    return index && { index, lastNumber: this.writer.lastNumber };
  }

  private async save(snapshot: StoreSnapshot): Promise<void> {
    const { directory, settleMs } = this.options;
    await saveSnapshot(directory, snapshot, settleMs).catch((error: unknown) => {
      logger.warn(`The next start reads all records: ${(error as Error).message}`);
    });
  }

  // ------------------------------------------------------------------------------------------ one task

  /** Whether a task has this id, including a damaged task. */
  private isTaken(id: string): boolean {
    const number = this.files.numbers.get(id);
    if (number === undefined || this.files.quarantine.has(number)) return number !== undefined;
    const head = this.files.quarantine.attempt(number, () => this.files.headOf(number));
    return head !== undefined || this.files.quarantine.has(number);
  }

  /** What a write must wait for. No other code may run between the last check and the write. */
  private obstacle(ids: readonly string[] = [], claimKey?: string): Promise<unknown> | undefined {
    this.commits.requireOpen();
    if (this.clearer.underWay !== undefined) return this.clearer.underWay.catch(() => undefined);
    const held = claimKey === undefined ? [] : this.index.heldBy(claimKey);
    const busy =
      ids.find((id) => this.commits.isBusy(id)) ??
      held.map((number) => this.files.idOf(number)).find((id) => this.commits.isBusy(id));
    return busy === undefined ? undefined : this.commits.busyUntil(busy);
  }

  private read(id: string): Task | undefined {
    const held = this.files.heldAs(id);
    if (held !== undefined) return held.task;
    const number = this.files.numbers.get(id);
    return this.files.quarantine.require(id, number, () => {
      const task = this.files.read(number);
      if (task !== undefined && task.spec.id !== id) {
        // That other task is sound.
        this.files.quarantine.logDamage(`Task ${id}`, new DamagedValue('its id leads to another task'));
        throw new TaskDamaged(id);
      }
      if (task !== undefined && number !== undefined && this.files.quarantine.has(number))
        throw new TaskDamaged(id);
      return task;
    });
  }

  /** @throws TaskDamaged */
  private readPart<T>(id: string, read: (number: TaskNumber) => T): T | undefined {
    return this.files.quarantine.require(id, this.files.numbers.get(id), () => {
      const number = this.files.numberOfId(id);
      return number === undefined ? undefined : read(number);
    });
  }
}

/** The indices: from the snapshot of a clean stop, or otherwise from the checked file. */
async function load(options: EmbeddedOptions): Promise<Omit<Loaded, 'unlock'>> {
  const { directory, settings } = options;
  const snapshot = takeSnapshot(directory);
  if (snapshot === 'none') return readRecords(options);
  if ('refused' in snapshot) {
    logger.log(`The snapshot of the indices is not used, all records are read: ${snapshot.refused}`);
    return readRecords(options);
  }
  const marks = await readMarks(directory);
  const index = new TaskIndex(settings, marks);
  index.load(snapshot.index);
  const { lastNumber } = snapshot;
  const doubtfulLeases = index.held();
  return { index, marks, cleared: new RankedSet(), damaged: new Map(), lastNumber, doubtfulLeases };
}

/** Checks the file and builds the indices, in one pass. */
async function readRecords({ directory, clock, settings }: EmbeddedOptions): Promise<Omit<Loaded, 'unlock'>> {
  const records = new RecordReader(clock.now());
  requireSoundFile(fileIn(directory), records.readers);
  const marks = await readMarks(directory);
  const index = new TaskIndex(settings, marks);
  const { dump, cleared } = records.builder.build(marks);
  index.load(dump);
  const { damaged, lastNumber, wrongLeases: doubtfulLeases, count } = records;
  const inFile = await countRecords(directory);
  if (count !== inFile) throw new Error(`The start has read ${count} of ${inFile} task records`);
  return { index, marks, cleared, damaged, lastNumber, doubtfulLeases };
}
