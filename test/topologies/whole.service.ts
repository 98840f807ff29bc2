/** The tests of the whole service, to be imported where `keepTasksAt` was called before. */
import '../e2e/origin-contract.test.js';
import '../e2e/work.test.js';
import '../e2e/steering.test.js';
import '../e2e/queues.test.js';
import '../e2e/batches.test.js';
import '../e2e/events.test.js';
import '../e2e/webhooks.test.js';
import '../e2e/workers.test.js';
import '../e2e/schedules.test.js';
