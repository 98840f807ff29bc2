/**
 * `npm run test:size -- [--store embedded|redis] [--tasks 100000] [--batch 1000]`: what acts on very many tasks at once: a
 * pause, the cancel of a batch, a redrive, an expiry, a purge and the end of the retention. Meanwhile it measures what
 * others wait for, as `test:clear` does. Exit code 0 when the counts are right and nothing took longer than `--limit`
 * (100 ms), not counting what was waited for a processor.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MeasuredRun } from './measured-run.js';
import { fill, send } from './probe.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded' },
    tasks: { type: 'string', default: '100000' },
    batch: { type: 'string', default: '1000' },
    limit: { type: 'string', default: '100' },
  },
});
const tasks = Number(values.tasks);
const BATCH_ID = 'large';
const QUEUES = 10;

const run = await MeasuredRun.start(values.store, Number(values.limit));

/** How many tasks are in a state. */
async function count(state: string): Promise<number> {
  const status = (await (await send(run.service, 'GET', '/status')).json()) as Record<string, number>;
  return status[state] ?? 0;
}

async function untilCount(state: string, wanted: number): Promise<void> {
  while ((await count(state)) !== wanted) await delay(100);
}

async function fillBatch(): Promise<void> {
  await fill(run.service, {
    prefix: 'task',
    count: tasks,
    batch: Number(values.batch),
    fields: (index) => ({ queue: `q${index % QUEUES}` }),
    members: { batch_id: BATCH_ID },
  });
}

try {
  await run.during('filling', fillBatch);
  await run.during('pause', async () => {
    await run.ask('POST', '/queues/q0/pause');
    await run.ask('POST', '/queues/q0/resume');
  });
  await run.during('cancel of a batch', async () => {
    await run.ask('POST', `/batches/${BATCH_ID}/cancel`);
    await untilCount('cancelled', tasks);
  });
  await run.during('redrive', async () => {
    await run.ask('POST', '/tasks/redrive', { status: 'cancelled', limit: 100_000 });
    if (tasks > 100_000) await run.ask('POST', `/batches/${BATCH_ID}/redrive`);
    await untilCount('cancelled', 0);
  });
  await run.during('cancel of the batch again', async () => {
    await run.ask('POST', `/batches/${BATCH_ID}/cancel`);
    await untilCount('cancelled', tasks);
  });
  await run.restart({ RETENTION_SECONDS: '1' });
  await run.during('the end of the retention', () => untilCount('cancelled', 0));
  await run.restart();
  const expiry = new Date(Date.now() + tasks / 2 + 5_000).toISOString();
  await run.during('filling with tasks that expire', () =>
    fill(run.service, {
      prefix: 'expiring',
      count: tasks,
      batch: Number(values.batch),
      fields: (index) => ({ queue: `q${index % QUEUES}`, expires_at: expiry }),
    }),
  );
  await run.during('expiry', () => untilCount('expired', tasks));
  await run.during('purge', async () => {
    await run.ask('DELETE', '/tasks?status=expired');
    await delay(tasks / 20);
  });
} finally {
  await run.close();
}
process.exitCode = run.report();
