import type { Cluster, Redis } from 'ioredis';
import type { Task } from '../../../task/task.js';
import {
  LOG_BLOCK_BYTES,
  LOG_READ_BYTES,
  type LogAppended,
  type LogChunk,
  type LogExtent,
  type LogLimits,
  type LogPart,
  type LogRange,
  type RestoredLog,
  TaskLogs,
} from '../../task-logs.js';
import { LuaScript } from '../connection/lua-script.js';
import type { StoreParts } from '../records/store-parts.js';
import type { TaskFinder } from './task-finder.js';

const APPEND = new LuaScript('append-log');
const RESTORE = new LuaScript('restore-log');

const NOTHING = { first: 0, size: 0 };

/**
 * Logs in Redis, a hash for each attempt with a log. An append reads the head of the task and writes that hash. Only
 * the first append of an attempt writes to the task, to name the attempt.
 */
export class RedisLogs extends TaskLogs {
  readonly reportsEveryProcess = false;
  private readonly listeners: ((id: string) => void)[] = [];

  constructor(
    private readonly parts: StoreParts,
    private readonly finder: TaskFinder,
    private readonly limits: LogLimits,
  ) {
    super();
  }

  async append({ task, offset, bytes }: LogChunk): Promise<LogAppended> {
    const { id } = task.spec;
    const lease = `"id":${JSON.stringify(task.lease.id)}`;
    const call = this.callFor(task, [id, task.attempt, lease, offset ?? '', bytes]);
    const appended = await this.parts.connection.writeScript(APPEND, call, appendedOf);
    if (appended.outcome === 'appended') for (const listener of this.listeners) listener(id);
    return appended;
  }

  async read(task: Task, { attempt, offset, limit }: LogRange): Promise<LogPart> {
    const most = Math.min(limit, LOG_READ_BYTES);
    const part = await this.readAt(task, { attempt, offset, limit: most });
    // The log dropped older bytes.
    return part.offset < part.first && part.first < part.size
      ? this.readAt(task, { attempt, offset: part.first, limit: most })
      : part;
  }

  async list(task: Task): Promise<readonly LogExtent[]> {
    const { connection, keys } = this.parts;
    const { id, queue } = task.spec;
    if (await this.finder.isCleared(queue, id)) return [];
    const named = await connection.read((client) => client.hget(keys.task(queue, id), 'logs'));
    const attempts = (named ?? '').split(' ').filter((word) => word !== '');
    return Promise.all(
      attempts.map(async (attempt) => {
        const key = keys.log(queue, id, Number(attempt));
        const [first, size] = await connection.read((client) => client.hmget(key, 'first', 'size'));
        return { attempt: Number(attempt), first: Number(first), size: Number(size) };
      }),
    );
  }

  restore(task: Task, { attempt, offset, bytes }: RestoredLog): Promise<void> {
    const call = this.callFor(task, [task.spec.id, attempt, offset, bytes]);
    return this.parts.connection.writeScript(RESTORE, call, () => undefined);
  }

  onAppend(listener: (id: string) => void): void {
    this.listeners.push(listener);
  }

  private callFor({ spec }: Task, args: readonly (string | number | Buffer)[]) {
    const { maxBytes, maxAttempts } = this.limits;
    const keys = [this.parts.keys.queue(spec.queue)];
    return { keys, args: [...args, LOG_BLOCK_BYTES, maxBytes, maxAttempts] };
  }

  /** Reads the extent and the blocks in one command. The blocks are empty when the range begins before `first`. */
  private async readAt({ spec }: Task, { attempt, offset, limit }: LogRange): Promise<LogPart> {
    const { connection, keys } = this.parts;
    const { id, queue } = spec;
    const from = Math.floor(offset / LOG_BLOCK_BYTES);
    const count = Math.max(Math.ceil((offset + limit) / LOG_BLOCK_BYTES) - from, 0);
    const fields = ['first', 'size', ...Array.from({ length: count }, (_, index) => String(from + index))];
    const [isCleared, named, row] = await Promise.all([
      this.finder.isCleared(queue, id),
      connection.read((client) => client.hget(keys.task(queue, id), 'logs')),
      connection.read((client) => readFields(client, keys.log(queue, id, attempt), fields)),
    ]);
    const isThere = !isCleared && (named ?? '').split(' ').includes(String(attempt));
    const [first, size, ...blocks] = isThere ? row : [];
    const extent = size ? { first: Number(first), size: Number(size) } : NOTHING;
    const start = Math.min(offset, extent.size);
    const end = Math.min(extent.size, start + limit);
    const whole = start < extent.first ? [] : blocks.map((block) => block ?? Buffer.alloc(0));
    const skipped = from * LOG_BLOCK_BYTES;
    const bytes = Buffer.concat(whole).subarray(start - skipped, end - skipped);
    return { attempt, ...extent, offset: start, bytes };
  }
}

function readFields(
  client: Redis | Cluster,
  key: string,
  fields: readonly string[],
): Promise<(Buffer | null)[]> {
  return client.hmgetBuffer(key, ...fields);
}

function appendedOf(reply: unknown): LogAppended {
  if (!Array.isArray(reply)) return { outcome: 'stale' };
  const [isPlaced, size] = reply as [number, number];
  return { outcome: isPlaced === 1 ? 'appended' : 'misplaced', size };
}
