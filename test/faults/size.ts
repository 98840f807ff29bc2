/**
 * `npm run test:size -- [--store embedded|redis] [--tasks 100000] [--batch 1000]`: what acts on very many tasks at once: a
 * pause, the cancel of a batch, a redrive, an expiry, a purge and the end of the retention. Meanwhile it measures what
 * others wait for, as `test:clear` does. Exit code 0 when the counts are right and nothing took longer than `--limit`
 * (100 ms), not counting what was waited for a processor.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fill, Probe, send } from './probe.js';
import { Service } from './service.js';
import { StoreSite } from './store-site.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded' },
    tasks: { type: 'string', default: '100000' },
    batch: { type: 'string', default: '1000' },
    limit: { type: 'string', default: '100' },
  },
});
const tasks = Number(values.tasks);
const limitMs = Number(values.limit);
const problems: string[] = [];
const BATCH_ID = 'large';
const QUEUES = 10;

const site = await StoreSite.open(values.store);
let service = await Service.start(site.options);

/** How many tasks are in a state. */
async function count(state: string): Promise<number> {
  const status = (await (await send(service, 'GET', '/status')).json()) as Record<string, number>;
  return status[state] ?? 0;
}

async function untilCount(state: string, wanted: number): Promise<void> {
  while ((await count(state)) !== wanted) await delay(100);
}

async function ask(method: string, path: string, body?: object): Promise<void> {
  const began = performance.now();
  const answer = await send(service, method, path, body);
  const text = await answer.text();
  console.log(
    `${method} ${path}: ${answer.status} after ${(performance.now() - began).toFixed(0)} ms, ${text.slice(0, 120)}`,
  );
  if (!answer.ok) problems.push(`${method} ${path} was answered ${answer.status}`);
}

async function during(name: string, act: () => Promise<void>): Promise<void> {
  const probe = new Probe(service, name, site.pids);
  const began = performance.now();
  await delay(200);
  try {
    await act();
  } finally {
    await probe.stop();
  }
  console.log(`${name}: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  problems.push(...probe.report(limitMs));
  for (const slow of await site.slowCommands()) console.log(`Redis, ${name}: ${slow}`);
}

async function fillBatch(): Promise<void> {
  await fill(service, {
    prefix: 'task',
    count: tasks,
    batch: Number(values.batch),
    fields: (index) => ({ queue: `q${index % QUEUES}` }),
    members: { batch_id: BATCH_ID },
  });
}

try {
  await during('filling', fillBatch);
  await during('pause', async () => {
    await ask('POST', '/queues/q0/pause');
    await ask('POST', '/queues/q0/resume');
  });
  await during('cancel of a batch', async () => {
    await ask('POST', `/batches/${BATCH_ID}/cancel`);
    await untilCount('cancelled', tasks);
  });
  await during('redrive', async () => {
    await ask('POST', '/tasks/redrive', { status: 'cancelled', limit: 100_000 });
    if (tasks > 100_000) await ask('POST', `/batches/${BATCH_ID}/redrive`);
    await untilCount('cancelled', 0);
  });
  await during('cancel of the batch again', async () => {
    await ask('POST', `/batches/${BATCH_ID}/cancel`);
    await untilCount('cancelled', tasks);
  });
  await service.stop();
  service = await Service.start({
    ...site.options,
    env: { ...site.options.env, RETENTION_SECONDS: '1' },
  });
  await during('the end of the retention', () => untilCount('cancelled', 0));
  await service.stop();
  service = await Service.start(site.options);
  const expiry = new Date(Date.now() + tasks / 2 + 5_000).toISOString();
  await during('filling with tasks that expire', () =>
    fill(service, {
      prefix: 'expiring',
      count: tasks,
      batch: Number(values.batch),
      fields: (index) => ({ queue: `q${index % QUEUES}`, expires_at: expiry }),
    }),
  );
  await during('expiry', () => untilCount('expired', tasks));
  await during('purge', async () => {
    await ask('DELETE', '/tasks?status=expired');
    await delay(tasks / 20);
  });
  await service.stop();
} finally {
  await service.kill();
  await site.close();
}
for (const problem of problems) console.log(`BROKEN ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
