/** The worker of the TypeScript library, as scenarios.json wants it: see README.md. */
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { AttemptFailed, Worker } from 'crucible-queue/client';

const { url, worker_id: workerId, concurrency = 1, lease, queues } = JSON.parse(process.argv[2] ?? '{}');
const opened = new Map();

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

createInterface({ input: process.stdin }).on('line', (line) => opened.get(line.replace('open ', ''))?.());

const worker = new Worker(
  { url },
  async ({ eval_id: id, code }, { signal }) => {
    if (code === 'error') throw new AttemptFailed('as it was told to');
    const [, nap] = /^sleep ([\d.]+)$/.exec(code) ?? [];
    if (nap !== undefined) await setTimeout(Number(nap) * 1000, undefined, { signal });
    const [, block] = /^block ([\d.]+)$/.exec(code) ?? [];
    // Nothing else runs in this thread meanwhile.
    if (block !== undefined)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(block) * 1000);
    if (code === 'gate') {
      await new Promise((resolve, reject) => {
        opened.set(id, resolve);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    }
    return { by: workerId };
  },
  {
    workerId,
    concurrency,
    lease,
    queues,
    onEvent: ({ type, task, error }) => {
      if (type !== 'trouble') say({ event: type, id: task?.eval_id, code: error?.code });
    },
  },
);

let signals = 0;
process.on('SIGTERM', () => {
  signals += 1;
  void worker.stop(signals === 1 ? {} : { grace: 0 });
});

await worker.run();
say({ event: 'ended' });
process.stdin.destroy();
