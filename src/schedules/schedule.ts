import type { Instant } from '../task/clock.js';

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
}

/** How far it has come. */
export interface ScheduleRun {
  /** There is a task for every due time until then that needs one. */
  readonly until: Instant;
}

/** The name of the task of a due time: whoever enqueues it gives it the same. */
export function taskIdAt(scheduleId: string, due: Instant): string {
  return `${scheduleId}:${new Date(due).toISOString().replace('.000Z', 'Z')}`;
}
