import {
  LOG_READ_BYTES,
  type LogAppended,
  type LogChunk,
  type LogExtent,
  type LogLimits,
  type LogPart,
  type LogRange,
  oldestKept,
  type RestoredLog,
  TaskLogs,
} from '../../src/storage/task-logs.js';
import type { Task } from '../../src/task/task.js';

/** Everything that an attempt sent, whatever is kept of it. */
export interface WholeLog {
  sent: Buffer;
  first: number;
}

interface Entry {
  readonly task: Task;
  readonly logs: Map<number, WholeLog>;
}

/** Logs by the shortest way: all bytes are there, and the oldest ones are only hidden. */
export class ReferenceLogs extends TaskLogs {
  readonly reportsEveryProcess = true;
  private readonly listeners: ((id: string) => void)[] = [];

  constructor(
    private readonly find: (id: string) => Entry | undefined,
    private readonly onGrown: (task: Task) => void,
    private readonly limits: LogLimits,
  ) {
    super();
  }

  async append({ task, offset, bytes }: LogChunk): Promise<LogAppended> {
    const entry = this.entryOf(task);
    const isHeld = entry?.task.state === 'processing' && entry.task.lease.id === task.lease.id;
    if (!isHeld) return { outcome: 'stale' };
    const { sent, first } = entry.logs.get(task.attempt) ?? NOTHING;
    const at = offset ?? sent.length;
    const there = sent.subarray(Math.max(at, first), at + bytes.length);
    const skipped = Math.max(first - at, 0);
    const isEqual = there.equals(bytes.subarray(skipped, skipped + there.length));
    if (at > sent.length || !isEqual) return { outcome: 'misplaced', size: sent.length };
    const size = Math.max(sent.length, at + bytes.length);
    this.extend(entry, task.attempt, bytes.subarray(bytes.length - (size - sent.length)));
    for (const listener of this.listeners) listener(task.spec.id);
    return { outcome: 'appended', size };
  }

  async read(task: Task, { attempt, offset, limit }: LogRange): Promise<LogPart> {
    const { sent, first } = this.entryOf(task)?.logs.get(attempt) ?? NOTHING;
    const start = Math.min(Math.max(offset, first), sent.length);
    const bytes = sent.subarray(start, start + Math.min(limit, LOG_READ_BYTES));
    return { attempt, first, size: sent.length, offset: start, bytes };
  }

  async list(task: Task): Promise<readonly LogExtent[]> {
    const logs = [...(this.entryOf(task)?.logs ?? [])];
    return logs.map(([attempt, { first, sent }]) => ({ attempt, first, size: sent.length }));
  }

  async restore(task: Task, { attempt, offset, bytes }: RestoredLog): Promise<void> {
    const entry = this.entryOf(task);
    if (entry === undefined) return;
    const log = entry.logs.get(attempt) ?? { sent: Buffer.alloc(offset), first: offset };
    if (!entry.logs.has(attempt)) entry.logs.set(attempt, log);
    if (offset <= log.sent.length) this.extend(entry, attempt, bytes.subarray(log.sent.length - offset));
  }

  onAppend(listener: (id: string) => void): void {
    this.listeners.push(listener);
  }

  private extend({ task, logs }: Entry, attempt: number, fresh: Buffer): void {
    if (fresh.length === 0) return;
    const { sent, first } = logs.get(attempt) ?? NOTHING;
    const whole = Buffer.concat([sent, fresh]);
    const oldest = oldestKept({ first, size: whole.length }, this.limits.maxBytes);
    logs.set(attempt, { sent: whole, first: oldest });
    const attempts = [...logs.keys()].toSorted((one, other) => one - other);
    for (const old of attempts.slice(0, Math.max(attempts.length - this.limits.maxAttempts, 0)))
      logs.delete(old);
    this.onGrown(task);
  }

  /** Not that of a later task with the same id. */
  private entryOf({ spec, createdAt }: Task): Entry | undefined {
    const entry = this.find(spec.id);
    return entry?.task.createdAt === createdAt ? entry : undefined;
  }
}

export function keptOf(logs: ReadonlyMap<number, WholeLog>): number {
  return [...logs.values()].reduce((sum, { sent, first }) => sum + sent.length - first, 0);
}

const NOTHING: WholeLog = { sent: Buffer.alloc(0), first: 0 };
