/** The TypeScript library's worker for scenarios.json: see README.md. */
import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { AttemptFailed, Client, InvalidRequest, JsonText, Worker } from 'crucible-queue/client';

const {
  url,
  worker_id: workerId,
  concurrency = 1,
  lease,
  queues,
  listener,
  abandon_after: abandonAfter,
} = JSON.parse(process.argv[2] ?? '{}');
const opened = new Map();

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const CONTROLS = '\u001b]0;owned\u0007\u001b[2J\u202e\u009b31m';

const verbs = {
  open: (id) => opened.get(id)?.(),
  enqueue: async (number, size) => {
    const code = 'x'.repeat(Number(size));
    const tasks = Array.from({ length: Number(number) }, (_, index) => {
      return { eval_id: `bulk-${index}`, queue: 'bulk', code };
    });
    let count = 0;
    for await (const { accepted } of new Client({ url }).enqueueAll(tasks)) count += accepted;
    say({ event: 'enqueued', count });
  },
  bytes: async () => {
    const error = await new Client({ url }).enqueue({ code: Uint8Array.of(0xe9) }).catch((each) => each);
    say({ event: error instanceof InvalidRequest ? 'refused' : 'accepted' });
  },
  clear: async () => {
    const client = new Client({ url });
    const calls = [
      () => client.clear({ queue: undefined }),
      () => client.clear({ status: [] }),
      () => client.clear(),
      () => client.queues.purge(undefined),
      () => client.queues.purge(''),
    ];
    for (const call of calls) {
      const error = await new Promise((resolve) => resolve(call())).catch((each) => each);
      if (!(error instanceof TypeError)) throw new Error('it cleared something');
    }
    say({ event: 'refused' });
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const [verb, ...rest] = line.split(' ');
  void verbs[verb]?.(...rest);
});

const worker = new Worker(
  { url },
  async ({ eval_id: id, code, metadata_text: metadata }, { signal }) => {
    if (code === 'error') throw new AttemptFailed('as it was told to');
    if (code === 'cry') throw new AttemptFailed(CONTROLS);
    if (code === 'shout') return CONTROLS;
    if (code === 'echo') return new JsonText(metadata);
    if (code === 'fork') execFileSync(process.execPath, ['--eval', '0']);
    const [, nap] = /^sleep ([\d.]+)$/.exec(code) ?? [];
    if (nap !== undefined) await setTimeout(Number(nap) * 1000, undefined, { signal });
    const [, block] = /^block ([\d.]+)$/.exec(code) ?? [];
    // Blocks this thread.
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
    abandonAfter,
    onEvent: ({ type, task, error }) => {
      if (type !== 'trouble' && type !== 'recovered')
        say({ event: type, id: task?.eval_id, code: error?.code });
      if (listener === 'throws') throw new Error('a fault of the listener');
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
