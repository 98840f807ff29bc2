import { create, claim } from '../../src/task/task.machine.js';
import { DEFAULT_BACKOFF } from '../../src/task/retry-policy.js';
import type { QueuedTask } from '../../src/task/task.js';
import { claimedText, enqueuedView, taskView } from '../../src/queue/task.view.js';

const now = { wall: 1_795_000_000_000, steady: 1_795_000_000_000 };
const spec = {
  id: 'b1-1000000',
  queue: 'default',
  priority: 1,
  language: 'python',
  engine: 'docker',
  timeout: 30,
  maxAttempts: 1,
  maxInterruptions: 3,
  backoff: DEFAULT_BACKOFF,
};
const task = create(spec, now).task as QueuedTask;
const grant = { leaseId: '0-vRmDyHh0RP1BIeebswU0iE_0', workerId: 'w1', grace: 30 };
const payload = `"code":"${'x'.repeat(545)}"`;

/** Answers of the service, of the size that they have in the measurements. */
export const ANSWERS = {
  enqueued: JSON.stringify(enqueuedView({ task, position: 123_456 })),
  claimed: claimedText({ task: claim(task, grant, now).task, payload }),
  read: JSON.stringify(taskView({ task, position: 123_456 })),
  completed: '{"eval_id":"b1-1000000","status":"completed"}',
};
