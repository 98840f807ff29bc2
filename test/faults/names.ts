/**
 * `npm run test:names -- [--store embedded|redis] [--names 20000] [--only schedules,workers,webhooks]`: very many
 * schedules, workers and webhooks, and what others wait for meanwhile. Exit code 0 when nothing took longer than
 * `--limit` (100 ms), not counting what was waited for a processor.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MeasuredRun } from './measured-run.js';
import { fill, send } from './probe.js';

const CALLERS = 16;
const EDITS = 10;
/** Milliseconds: longer than a process takes to see an edit. */
const BETWEEN_EDITS = 1_500;
const BATCH = 1_000;
const HOLDERS = 200;

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded' },
    names: { type: 'string', default: '20000' },
    only: { type: 'string' },
    limit: { type: 'string', default: '100' },
  },
});
const names = Number(values.names);
const PARTS = { schedules: manySchedules, workers: manyWorkers, webhooks: manyWebhooks };

/** Calls `act` with each number below `count`, from a few callers. */
async function each(count: number, act: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const call = async () => {
    for (let number = next++; number < count; number = next++) await act(number);
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
}

async function put(run: MeasuredRun, method: string, path: string, body?: object): Promise<void> {
  const answer = await send(run.service, method, path, body);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
}

function schedule(number: number, month: number): object {
  const task = { code: 'x', queue: `q${number % 10}` };
  return { schedule_id: `s${number}`, cron: `${number % 60} 3 1 ${month} *`, task };
}

async function manySchedules(run: MeasuredRun): Promise<void> {
  await run.during('putting schedules', () =>
    each(names, (number) => put(run, 'POST', '/schedules', schedule(number, 1))),
  );
  await run.during('edits of schedules', async () => {
    for (let number = 0; number < EDITS; number += 1) {
      await run.ask('POST', '/schedules', schedule(number, 2));
      await delay(BETWEEN_EDITS);
    }
  });
  await run.during('lists of schedules', async () => {
    await run.ask('GET', '/schedules?limit=1000');
    await run.ask('GET', '/dashboard/schedules');
  });
  console.log(`restart: ${(await run.restart()).toFixed(0)} ms`);
  await run.during('after the restart', async () => {
    await put(run, 'POST', '/schedules', { schedule_id: 'now', cron: '* * * * * *', task: { code: 'x' } });
    const began = performance.now();
    let last: unknown = null;
    while (last === null) {
      await delay(100);
      const answer = await send(run.service, 'GET', '/schedules/now');
      last = ((await answer.json()) as { last_due_at: unknown }).last_due_at;
    }
    console.log(`a schedule is due ${((performance.now() - began) / 1000).toFixed(1)} s after the restart`);
  });
}

async function manyWorkers(run: MeasuredRun): Promise<void> {
  await run.during('claims of many workers', () =>
    each(names, (number) => put(run, 'GET', `/tasks/next?worker_id=w${number}&queue=q${number % 10}`)),
  );
  await fill(run.service, { prefix: 'held', count: names, batch: BATCH, fields: () => ({}) });
  await run.during('claims', () =>
    each(Math.ceil(names / 100), (number) =>
      put(run, 'POST', '/tasks/claim', { count: 100, worker_id: `h${number % HOLDERS}` }),
    ),
  );
  await run.during('lists of workers', async () => {
    for (const path of ['/workers', '/dashboard/workers', '/status', '/metrics']) await run.ask('GET', path);
    await run.ask('POST', '/workers/h1/drain');
    await run.ask('POST', '/workers/h2/leave');
  });
}

async function manyWebhooks(run: MeasuredRun): Promise<void> {
  let received = 0;
  const receiver = createServer((request, response) => {
    received += 1;
    request.resume().on('end', () => response.end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const fields = (index: number) => ({ callback_url: `${url}?${index}` });
  try {
    await fill(run.service, {
      prefix: 'told',
      count: names,
      batch: BATCH,
      fields,
      members: { batch_id: 'told' },
    });
    await run.during('the end of tasks with webhooks', async () => {
      await run.ask('POST', '/batches/told/cancel');
      for (let before = -1; received < names && before < received;) {
        before = received;
        await delay(10_000);
      }
    });
    console.log(`${received} of ${names} webhooks were delivered`);
    if (received < names) run.problems.push(`${names - received} webhooks were not delivered`);
    await run.during('lists of webhooks', async () => {
      for (const path of ['/webhooks/deliveries', '/dashboard/webhooks']) await run.ask('GET', path);
    });
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
}

process.exitCode = 0;
for (const [name, part] of Object.entries(PARTS)) {
  if (values.only !== undefined && !values.only.split(',').includes(name)) continue;
  const run = await MeasuredRun.start(values.store, Number(values.limit), { WEBHOOK_ALLOW_PRIVATE: 'true' });
  try {
    await part(run);
  } finally {
    await run.close();
  }
  if (run.report() !== 0) process.exitCode = 1;
}
