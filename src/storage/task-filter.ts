import { isFinished, type Task } from '../task/task.js';
import type { TaskFilter } from './task-views.js';

/** Whether a task matches a filter. An empty filter matches every task. */
export function matchesFilter(task: Task, filter: TaskFilter): boolean {
  const { states, queues, group, batchId, workerId, cause, createdAfter, createdBefore } = filter;
  if (states !== undefined && !states.includes(task.state)) return false;
  if (queues !== undefined && !queues.includes(task.spec.queue)) return false;
  if (group !== undefined && task.spec.group !== group) return false;
  if (batchId !== undefined && task.spec.batchId !== batchId) return false;
  if (workerId !== undefined && workerOf(task) !== workerId) return false;
  if (cause !== undefined && task.last?.cause !== cause) return false;
  if (createdAfter !== undefined && task.createdAt <= createdAfter) return false;
  return createdBefore === undefined || task.createdAt < createdBefore;
}

/** The worker that holds the task or ended it. */
function workerOf(task: Task): string | undefined {
  if (task.state === 'processing') return task.lease.workerId;
  return isFinished(task) ? task.last?.workerId : undefined;
}
