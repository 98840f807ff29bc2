import { createHash } from 'node:crypto';
import type { Instant } from '../task/clock.js';

/** As long as a name of 100 characters, a due time and a colon leave room for. */
const SPARE_LENGTH = 6;

export const CATCH_UP = ['skip', 'one', 'all'] as const;

/** What becomes of due times at which no process was up. */
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
  /** The task without its `eval_id`, as the JSON text that was sent. */
  readonly taskText: string;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  /** Due times until then are none of its business. */
  readonly since: Instant;
  /** Random, and never shown: names of runs whose first name is taken follow from it. Absent from older schedules. */
  readonly nonce?: string;
}

/** How far it has come. */
export interface ScheduleRun {
  /** There is a task for every due time until then that needs one. */
  readonly until: Instant;
  /** The task of the latest due time; `null` when `until` is none. Absent when it has the usual name. */
  readonly taskId?: string | null;
}

/**
 * The name of the task of a due time when another queue has a task of the usual name: every process gives it the same,
 * and nobody else can know it before.
 */
export function spareTaskIdAt(scheduleId: string, due: Instant, nonce: string): string {
  const taskId = taskIdAt(scheduleId, due);
  const digest = createHash('sha256').update(`${nonce} ${taskId}`).digest('base64url');
  return `${taskId}:${digest.slice(0, SPARE_LENGTH)}`;
}

/** The name of the task of a due time: whoever enqueues it gives it the same. */
export function taskIdAt(scheduleId: string, due: Instant): string {
  return `${scheduleId}:${new Date(due).toISOString().replace('.000Z', 'Z')}`;
}
