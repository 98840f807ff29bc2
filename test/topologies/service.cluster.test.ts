import { keepTasksAt } from '../support/describe-stores.js';

keepTasksAt('cluster');
await import('../e2e/origin-contract.test.js');
await import('../e2e/work.test.js');
await import('../e2e/steering.test.js');
