import type { KeptTask, TaskStore } from '../../src/storage/task-store.js';
import { listAll } from './store-user.js';

/** All that a store has, oldest first. */
export async function keptTasks(store: TaskStore): Promise<readonly KeptTask[]> {
  const oldestFirst = (await listAll(store)).toReversed();
  return Promise.all(
    oldestFirst.map(async (task) => {
      const { id } = task.spec;
      const [payload = '', output, checkpoint, attempts] = await Promise.all([
        store.findPayload(id),
        store.findOutput(id),
        store.findCheckpoint(id),
        store.findAttempts(id),
      ]);
      return { task, payload, output, checkpoint, attempts };
    }),
  );
}
