/** A worker of the TypeScript library for `outage.ts`: `node outage.worker.mjs URL WORKER_ID`. */
import { setTimeout } from 'node:timers/promises';
import { Worker } from '../../dist/client/index.js';

const [url, workerId] = process.argv.slice(2);

const worker = new Worker(
  { url },
  async (task, { signal, checkpoint }) => {
    if (task.code === 'kill') process.kill(process.pid, 'SIGKILL');
    for (let second = Number(task.checkpoint ?? 0); second < Number(task.code); second += 1) {
      await setTimeout(1000, undefined, { signal });
      await checkpoint(second + 1);
    }
  },
  { workerId },
);
await worker.run({ signals: true, grace: 0 });
