/** The load generator, a process of its own so that it does not share an event loop with what it measures. */
import type { LoadJob } from './load.client.js';
import { runLoad } from './load.run.js';

process.on('message', (job: LoadJob) => {
  runLoad(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
