/** A process that simulates what its parent asks for. */
import { type Job, perform } from './job.js';

process.on('message', (job: Job) => {
  void perform(job, (seed) => process.send?.({ seed })).then(
    (failures) => process.send?.({ failures }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
