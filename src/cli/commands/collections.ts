import type { ListedSchedule, ListedWorker } from '../../client/index.js';
import type { Context } from '../context.js';

const WORKERS = {
  WORKER: (row: ListedWorker) => row.worker_id,
  STATE: (row: ListedWorker) => row.state,
  STATUS: (row: ListedWorker) => row.status,
  QUEUES: (row: ListedWorker) => row.queues.join(','),
  HELD: (row: ListedWorker) => row.held,
  COMPLETED: (row: ListedWorker) => row.completed,
  FAILED: (row: ListedWorker) => row.failed,
  LOST: (row: ListedWorker) => row.lost,
  LAST_SEEN: (row: ListedWorker) => row.last_seen_at,
};

const SCHEDULES = {
  SCHEDULE: (row: ListedSchedule) => row.schedule_id,
  CRON: (row: ListedSchedule) => row.cron,
  TIMEZONE: (row: ListedSchedule) => row.timezone,
  QUEUE: (row: ListedSchedule) => row.queue,
  NEXT: (row: ListedSchedule) => (row.paused ? 'paused' : row.next_due_at[0]),
  LAST_TASK: (row: ListedSchedule) => row.last_eval_id,
};

/** `workers`: recently active workers and their states. */
export async function workers(context: Context): Promise<void> {
  await context.list().rows(WORKERS, await context.client.workers.list());
}

/** `schedules`: lists the schedules. */
export async function schedules(context: Context): Promise<void> {
  await context.list().rows(SCHEDULES, context.client.schedules.list());
}
