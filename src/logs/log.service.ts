import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { Principal } from '../auth/principal.js';
import { ProblemError } from '../http/problem.error.js';
import { requiredLease, underLease } from '../queue/lease-access.js';
import { guardFor, requireVisible } from '../queue/queue-access.js';
import { QueueService } from '../queue/queue.service.js';
import { WorkService } from '../queue/work.service.js';
import type { LogExtent, LogPart, LogRange } from '../storage/task-logs.js';
import { TaskStore } from '../storage/task-store.js';
import { TaskNotFound } from '../task/task.errors.js';
import { isFinished, type Task } from '../task/task.js';

/** Bytes that a holder sends. */
export interface SentChunk {
  readonly principal: Principal;
  /** The lease, if it is not in `X-Lease-Id`. */
  readonly leaseId: string | undefined;
  /** Bytes that this attempt sent before; the end of the log when absent. */
  readonly offset: number | undefined;
  readonly bytes: Buffer;
}

/** A part of a log, and the task after the read. */
export interface LogView extends LogPart {
  readonly task: Task;
  /** Whether the attempt had ended before the read: then the log is complete. */
  readonly isEnded: boolean;
}

/** Appends to the logs of attempts and reads them. */
@Injectable()
export class LogService {
  constructor(
    private readonly store: TaskStore,
    private readonly queue: QueueService,
    private readonly work: WorkService,
    private readonly config: Config,
  ) {}

  /**
   * Appends bytes under the lease of their sender; resolves when they are durable.
   *
   * @returns the attempt, and the number of bytes that it has sent
   * @throws LeaseLost, TaskNotFound; ProblemError `log_offset`, `logs_off`, `lease_required`
   */
  async append(id: string, chunk: SentChunk): Promise<{ readonly attempt: number; readonly size: number }> {
    this.requireLogs();
    const { principal } = chunk;
    const leaseId = requiredLease(principal, chunk.leaseId);
    for (;;) {
      const held = this.work.requireHeld(id, leaseId, guardFor(principal));
      const task = await underLease(principal, held, id);
      const { attempt } = task;
      const appended = await this.store.logs.append({ task, offset: chunk.offset, bytes: chunk.bytes });
      // Stale: the attempt ended in between. The next read says how.
      if (appended.outcome === 'stale') continue;
      const { size } = appended;
      if (appended.outcome === 'appended') return { attempt, size };
      const detail = `The log of attempt ${attempt} has ${size} bytes, and these do not continue it; send the bytes from offset ${size} on`;
      throw new ProblemError('log_offset', detail, { members: { size } });
    }
  }

  /** A task whose log the caller may read. @throws TaskNotFound; ProblemError `logs_off` */
  async find(id: string, principal: Principal): Promise<Task> {
    this.requireLogs();
    return requireVisible(principal, await this.queue.find(id));
  }

  /** What is kept of the logs of a task, oldest attempt first. Empty when logs are off. */
  async extents(task: Task): Promise<readonly LogExtent[]> {
    return this.maxBytes === 0 ? [] : this.store.logs.list(task);
  }

  /** Bytes that are kept of an attempt; 0 when logs are off. */
  get maxBytes(): number {
    return this.config.logLimits.maxBytes;
  }

  /**
   * Reads a part of a log.
   *
   * @param task as it was read before
   * @throws TaskNotFound when it was removed meanwhile
   */
  async view(task: Task, range: LogRange): Promise<LogView> {
    const part = await this.store.logs.read(task, range);
    return { ...part, task: await this.again(task), isEnded: hasEnded(task, range.attempt) };
  }

  /** The present task. @throws TaskNotFound when it was removed, even if another task has its id */
  private async again({ spec, createdAt }: Task): Promise<Task> {
    const present = await this.queue.find(spec.id);
    const isSame = present.createdAt === createdAt && present.spec.queue === spec.queue;
    if (!isSame) throw new TaskNotFound(spec.id);
    return present;
  }

  private requireLogs(): void {
    if (this.maxBytes === 0)
      throw new ProblemError('logs_off', 'This service keeps no logs; its operator can set LOG_MAX_BYTES');
  }
}

/** Whether no more bytes can come for this attempt. */
export function hasEnded(task: Task, attempt: number): boolean {
  if (task.attempt === attempt) return task.state !== 'processing';
  return task.attempt > attempt || isFinished(task);
}

/** The attempt whose log is read by default: the latest one, or the first before the first claim. */
export function latestAttempt(task: Task): number {
  return Math.max(task.attempt, 1);
}
