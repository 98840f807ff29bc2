import { keepTasksAt } from '../support/describe-stores.js';

keepTasksAt('sentinel');
await import('../e2e/origin-contract.test.js');
await import('../e2e/work.test.js');
await import('../e2e/steering.test.js');
await import('../e2e/queues.test.js');
await import('../e2e/batches.test.js');
await import('../e2e/events.test.js');
await import('../e2e/webhooks.test.js');
await import('../e2e/workers.test.js');
await import('../e2e/schedules.test.js');
