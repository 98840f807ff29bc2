import { createHash } from 'node:crypto';
import type { Instant } from '../task/clock.js';

/** The characters that fit beside a schedule id of 100 characters, a due time and a colon. */
const SPARE_LENGTH = 6;

export const CATCH_UP = ['skip', 'one', 'all'] as const;

/** The policy for due times at which no process was running. */
export type CatchUp = (typeof CATCH_UP)[number];

/** Enqueues a task at every due time. */
export interface Schedule {
  readonly id: string;
  readonly cron: string;
  readonly timezone: string;
  readonly catchUp: CatchUp;
  readonly isPaused: boolean;
  /** The queue of its tasks. */
  readonly queue: string;
  /** The task without its `eval_id`, as the original JSON text. */
  readonly taskText: string;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  /** The schedule ignores due times up to this time. */
  readonly since: Instant;
  /** Random and secret: spare task names derive from it. Absent from older schedules. */
  readonly nonce?: string;
}

/** The progress of a schedule. */
export interface ScheduleRun {
  /** All due times up to this time are handled. */
  readonly until: Instant;
  /** The task of the latest due time; `null` if there is none. Absent if it has the usual name. */
  readonly taskId?: string | null;
}

/**
 * The spare name for a due time, for when a task in another queue has the usual name. All processes compute the same
 * name, and clients cannot predict it.
 */
export function spareTaskIdAt(scheduleId: string, due: Instant, nonce: string): string {
  const taskId = taskIdAt(scheduleId, due);
  const digest = createHash('sha256').update(`${nonce} ${taskId}`).digest('base64url');
  return `${taskId}:${digest.slice(0, SPARE_LENGTH)}`;
}

/** The usual task name of a due time, the same in every process. */
export function taskIdAt(scheduleId: string, due: Instant): string {
  return `${scheduleId}:${new Date(due).toISOString().replace('.000Z', 'Z')}`;
}
