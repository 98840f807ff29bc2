import type { ListedWorker } from '../../client/index.js';
import type { Context } from '../context.js';

const COLUMNS = {
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

/** `workers`: recently active workers and their states. */
export async function listWorkers(context: Context): Promise<void> {
  await context.list().rows(COLUMNS, await context.client.workers.list());
}

/** `drain`: a worker finishes its tasks and claims no more. */
export async function drain(worker: string, context: Context): Promise<void> {
  await context.single().record(await context.client.workers.drain(worker));
}

/** `workers resume`: ends a drain. */
export async function resumeWorker(worker: string, context: Context): Promise<void> {
  await context.single().record(await context.client.workers.resume(worker));
}
