import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { visibleQueues } from '../queue/queue-access.js';
import { QueueService } from '../queue/queue.service.js';
import type { TaskPage } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import { type Task } from '../task/task.js';
import { DEAD_LETTER_STATES } from '../task/task-state.js';
import { errorLine } from './parts/format.js';

/** Number of the newest dead letters that are grouped. */
export const LOOKED_AT = 2_000;

const ERROR_LENGTH = 160;
const SHOWN_EXAMPLES = 10;

/** Dead letters with the same cause, or without one and with the same error. */
export interface DeadGroup {
  /** Identifies the group in URLs. */
  readonly id: string;
  readonly error: string;
  /** The cause that its workers gave. */
  readonly cause: string | undefined;
  /** Newest first, at least one. */
  readonly tasks: readonly Task[];
}

/** Groups dead letters by cause, and those without one by error. */
@Injectable()
export class DeadLetters {
  constructor(private readonly queue: QueueService) {}

  /** The groups among the newest dead letters, largest first. */
  async groups(principal: Principal): Promise<readonly DeadGroup[]> {
    const groups = new Map<string, Task[]>();
    for (const task of await this.newest(principal)) {
      const id = groupOf(task);
      const group = groups.get(id);
      if (group) group.push(task);
      else groups.set(id, [task]);
    }
    return [...groups]
      .map(([id, tasks]) => groupWith(id, tasks))
      .sort((one, other) => other.tasks.length - one.tasks.length);
  }

  /** Counts a group's dead letters that were enqueued before `at`, up to `most`, and returns the newest ones. */
  async count(principal: Principal, id: string, { at, most }: { at: Instant; most: number }) {
    const newest: Task[] = [];
    let count = 0;
    for await (const task of this.all(principal, at)) {
      if (groupOf(task) !== id) continue;
      count += 1;
      if (newest.length < SHOWN_EXAMPLES) newest.push(task);
      if (count === most) break;
    }
    return { count, newest };
  }

  private async newest(principal: Principal): Promise<readonly Task[]> {
    const found: Task[] = [];
    for await (const task of this.all(principal)) {
      found.push(task);
      if (found.length === LOOKED_AT) break;
    }
    return found;
  }

  private async *all(principal: Principal, createdBefore?: Instant): AsyncGenerator<Task> {
    const queues = visibleQueues(principal, undefined);
    let cursor: string | undefined;
    do {
      const page: TaskPage = await this.queue.list({
        states: DEAD_LETTER_STATES,
        queues,
        createdBefore,
        limit: 500,
        cursor,
      });
      yield* page.tasks;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }
}

/** The error that a group of dead letters shares. */
export function reasonOf(task: Task): string {
  return errorOf(task);
}

/** The id of a dead letter's group. */
export function groupOf(task: Task): string {
  const cause = causeOf(task);
  return groupId(cause === undefined ? errorOf(task) : `cause ${cause}`);
}

function groupWith(id: string, tasks: readonly Task[]): DeadGroup {
  const [newest] = tasks;
  return { id, tasks, error: newest ? errorOf(newest) : '', cause: newest && causeOf(newest) };
}

/** An expired task did not end by the cause of its last attempt. */
function causeOf(task: Task): string | undefined {
  return task.state === 'expired' ? undefined : task.last?.cause;
}

/** The error's summary line, without the numbers that differ between tasks. */
function errorOf(task: Task): string {
  if (task.state === 'expired') return 'Expired before its first attempt';
  const error = task.last?.error;
  if (error === undefined || error.trim() === '') {
    const isLost = task.state === 'failed' && task.outcome === 'lost';
    return isLost ? 'No interruptions left' : 'Failed without an error text';
  }
  return errorLine(error, ERROR_LENGTH).replace(/\b(?:0x)?[0-9a-f]*\d[0-9a-f]*\b/gi, '#');
}

function groupId(error: string): string {
  return createHash('sha256').update(error).digest('base64url').slice(0, 16);
}
