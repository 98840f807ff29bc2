import { LOG_READ_BYTES } from './task-logs.js';
import type { TaskStore } from './task-store.js';
import type { Task } from '../task/task.js';

/**
 * Copies the logs of a task that is in both stores. A log that the target has already gets only the missing end.
 *
 * @returns `shortened` when the target keeps less of a log than the source, `different` when it has other bytes
 */
export async function copyLogs(
  { logs: from }: TaskStore,
  { logs: to }: TaskStore,
  task: Task,
): Promise<'equal' | 'shortened' | 'different'> {
  const logs = await from.list(task);
  for (const { attempt, first, size } of logs) {
    for (let offset = first; offset < size;) {
      const { bytes } = await from.read(task, { attempt, offset, limit: LOG_READ_BYTES });
      await to.restore(task, { attempt, offset, bytes });
      offset += bytes.length;
    }
  }
  const there = new Map((logs.length === 0 ? [] : await to.list(task)).map((log) => [log.attempt, log]));
  let isShortened = false;
  for (const { attempt, first, size } of logs) {
    const log = there.get(attempt) ?? { first: size, size };
    if (log.size !== size || log.first < first) return 'different';
    for (let offset = log.first; offset < size;) {
      const range = { attempt, offset, limit: LOG_READ_BYTES };
      const [one, other] = await Promise.all([from.read(task, range), to.read(task, range)]);
      if (!one.bytes.equals(other.bytes)) return 'different';
      offset += one.bytes.length;
    }
    isShortened ||= log.first > first;
  }
  return isShortened ? 'shortened' : 'equal';
}
