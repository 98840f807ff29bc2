import type { ProcessingTask, Task } from '../../task/task.js';
import { TaskDamaged } from '../../task/task.errors.js';
import {
  LOG_READ_BYTES,
  type LogAppended,
  type LogChunk,
  type LogExtent,
  type LogLimits,
  type LogPart,
  type LogRange,
  oldestKept,
  placeChunk,
  type RestoredLog,
  TaskLogs,
} from '../task-logs.js';
import type { Commits, Transaction } from './commits.js';
import type { LogOwner } from './log-blocks.js';
import type { QueueFiles } from './queue-files.js';
import { DamagedValue } from './sealed-value.js';
import type { TaskNumber } from './task-number.js';
import type { TaskWriter } from './task-writer.js';
import type { StoredTask } from './task-record.js';

interface EmbeddedLogsOptions {
  readonly files: QueueFiles;
  readonly commits: Commits;
  readonly writer: TaskWriter;
  readonly limits: LogLimits;
  /** What a write of these tasks must wait for. */
  readonly obstacle: (ids: readonly string[]) => Promise<unknown> | undefined;
}

/** A task with its number. */
interface Numbered extends StoredTask {
  readonly number: TaskNumber;
}

/**
 * Logs in the file of the tasks. An append is a write of its task: it takes its turn among the others and keeps the
 * size of the task's data, so that the retention counts it.
 */
export class EmbeddedLogs extends TaskLogs {
  readonly reportsEveryProcess = true;
  private readonly listeners: ((id: string) => void)[] = [];

  constructor(private readonly options: EmbeddedLogsOptions) {
    super();
  }

  async append(chunk: LogChunk): Promise<LogAppended> {
    const { task } = chunk;
    const appended = await this.write(task, (transaction, present): LogAppended => {
      if (present === undefined || !isHeld(present.task, task)) return { outcome: 'stale' };
      const { files } = this.options;
      const owner = { number: present.number, attempt: task.attempt };
      const extent = files.logs.extentOf(owner);
      const place = placeChunk(extent, chunk, (start, end) => files.logs.read(owner, start, end));
      if (place === undefined) return { outcome: 'misplaced', size: extent.size };
      this.add(transaction, present, { owner, extent, fresh: place.fresh });
      return { outcome: 'appended', size: place.at + place.fresh.length };
    });
    if (appended.outcome === 'appended') this.notifyListeners(task.spec.id);
    return appended;
  }

  async read(task: Task, { attempt, offset, limit }: LogRange): Promise<LogPart> {
    await this.open();
    return this.attempt(task.spec.id, () => {
      const owner = this.ownerOf(task, attempt);
      const { logs } = this.options.files;
      const { first, size } = owner === undefined ? { first: 0, size: 0 } : logs.extentOf(owner);
      const start = Math.min(Math.max(offset, first), size);
      const end = Math.min(size, start + Math.min(limit, LOG_READ_BYTES));
      const bytes = owner === undefined ? Buffer.alloc(0) : logs.read(owner, start, end);
      return { attempt, first, size, offset: start, bytes };
    });
  }

  async list(task: Task): Promise<readonly LogExtent[]> {
    await this.open();
    return this.attempt(task.spec.id, () => {
      const { logs } = this.options.files;
      const number = this.ownerOf(task, 0)?.number;
      const attempts = number === undefined ? [] : logs.attemptsOf(number);
      return attempts.map((attempt) => ({ attempt, ...logs.extentOf({ number: number ?? 0, attempt }) }));
    });
  }

  async restore(task: Task, { attempt, offset, bytes }: RestoredLog): Promise<void> {
    await this.write(task, (transaction, present) => {
      if (present === undefined) return;
      const owner = { number: present.number, attempt };
      const kept = this.options.files.logs.extentOf(owner);
      const extent = kept.size === 0 ? { first: offset, size: offset } : kept;
      if (offset <= extent.size)
        this.add(transaction, present, { owner, extent, fresh: bytes.subarray(extent.size - offset) });
    });
  }

  onAppend(listener: (id: string) => void): void {
    this.listeners.push(listener);
  }

  private notifyListeners(id: string): void {
    for (const listener of this.listeners) listener(id);
  }

  /** Decides about a task in its turn, with its present record, and waits until the decision is durable. */
  private async write<T>(
    task: Task,
    decide: (transaction: Transaction, present: Numbered | undefined) => T,
  ): Promise<T> {
    const { commits, obstacle, files } = this.options;
    const { id } = task.spec;
    for (let wait = obstacle([id]); wait !== undefined; wait = obstacle([id])) await wait;
    return commits.write((transaction) =>
      this.attempt(id, () => {
        const held = files.heldAs(id);
        if (held !== undefined) return decide(transaction, held);
        const number = files.numberOf(task);
        const stored = number === undefined ? undefined : files.readStored(number);
        return decide(
          transaction,
          stored === undefined || number === undefined ? undefined : { number, ...stored },
        );
      }),
    );
  }

  private add(
    transaction: Transaction,
    present: Numbered,
    { owner, extent, fresh }: { owner: LogOwner; extent: Omit<LogExtent, 'attempt'>; fresh: Buffer },
  ): void {
    if (fresh.length === 0) return;
    const { files, writer, limits } = this.options;
    const { logs } = files;
    const size = extent.size + fresh.length;
    const first = oldestKept({ first: extent.first, size }, limits.maxBytes);
    const blocks = logs.blocksFor(owner, extent.size, fresh, first);
    const isNew = extent.size === extent.first;
    const old = isNew ? this.attemptsBeyond(owner, limits.maxAttempts) : [];
    const freed = old.reduce((sum, each) => sum + keptOf(logs.extentOf(each)), 0);
    const grown = size - first - keptOf(extent) - freed;
    writer.putSize(transaction, present, grown, () => {
      for (const each of old) logs.removeBefore(each, Infinity);
      if (first > extent.first) logs.removeBefore(owner, first);
      for (const [block, bytes] of blocks) logs.put(owner, block, bytes);
    });
  }

  /** The oldest logs of a task, to remove when one more begins. */
  private attemptsBeyond({ number }: LogOwner, maxAttempts: number): readonly LogOwner[] {
    const attempts = this.options.files.logs.attemptsOf(number);
    return attempts
      .slice(0, Math.max(attempts.length + 1 - maxAttempts, 0))
      .map((attempt) => ({ number, attempt }));
  }

  /** The owner of a log that can be read; `undefined` when the task was removed. */
  private ownerOf(task: Task, attempt: number): LogOwner | undefined {
    const { files } = this.options;
    const number = files.numberOf(task);
    return number === undefined || files.headOf(number) === undefined ? undefined : { number, attempt };
  }

  /** @throws TaskDamaged when a block is damaged. The task itself is sound and stays in use. */
  private attempt<T>(id: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof DamagedValue)) throw error;
      this.options.files.quarantine.logDamage(`The log of task ${id}`, error);
      throw new TaskDamaged(id);
    }
  }

  private async open(): Promise<void> {
    await Promise.resolve();
    this.options.commits.requireOpen();
  }
}

function isHeld(present: Task, { lease }: ProcessingTask): boolean {
  return present.state === 'processing' && present.lease.id === lease.id;
}

function keptOf({ first, size }: Omit<LogExtent, 'attempt'>): number {
  return size - first;
}
