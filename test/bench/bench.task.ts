import type { NewTask, TaskStore } from '../../src/storage/task-store.js';
import { DEFAULT_BACKOFF } from '../../src/task/retry-policy.js';
import { create } from '../../src/task/task.machine.js';
import type { TaskSpec } from '../../src/task/task.js';

const PAYLOAD = `"code":"${'x'.repeat(450)}"`;

/** A task of some 500 bytes for a store by itself; no lease of it ends while it is measured. */
export function benchTask({ clock }: TaskStore, named: Pick<TaskSpec, 'id' | 'queue' | 'group'>): NewTask {
  const spec = {
    ...named,
    priority: 1,
    language: 'python',
    engine: 'docker',
    timeout: 86_400,
    maxAttempts: 1,
    maxInterruptions: 3,
    backoff: DEFAULT_BACKOFF,
  };
  return { transition: create(spec, clock.now()), payload: PAYLOAD };
}
