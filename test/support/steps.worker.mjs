/** A worker whose task has 40 steps. It kills its own process in each of the first ten attempts. */
import { appendFileSync } from 'node:fs';
import { Worker } from '../../dist/client/index.js';

const [url, file] = process.argv.slice(2);
const KILLS = 10;
const STEPS = 40;

const worker = new Worker({ url }, async (task, { checkpoint }) => {
  const begin = Number(task.checkpoint ?? 0);
  for (let step = begin; step < STEPS; step += 1) {
    appendFileSync(file, `${step}\n`);
    // In turn right before the checkpoint, and right after it.
    const isLast = task.attempt <= KILLS && step - begin === 3;
    if (isLast && task.attempt % 2 === 0) process.kill(process.pid, 'SIGKILL');
    await checkpoint(step + 1);
    if (isLast) process.kill(process.pid, 'SIGKILL');
  }
});
await worker.run({ maxTasks: 1 });
