/**
 * `npm run bench:logs -- [--store embedded|redis] [--rounds 7] [--seconds 4] [--mib 1]`: measures enqueues, and claims with
 * completions, while workers send logs of `--mib` MiB a second, and without them, in turns in one run. Prints the processor
 * time that logs alone take, and the median of the ratios of neighbours; exit code 0 when both are at least `--least` (0.9).
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Service } from '../faults/service.js';
import { StoreSite } from '../faults/store-site.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '4' },
    mib: { type: 'string', default: '1' },
    least: { type: 'string', default: '0.9' },
  },
});
const MIB = 1_048_576;
/** As the client libraries send them. */
const CHUNK = randomBytes(65_536);
const WRITERS = 8;
const CLIENTS = 16;
/** Linux counts processor time in hundredths of a second. */
const MS_PER_TICK = 10;
const COST_MS = 4_000;
const CHUNKS_PER_SECOND = (Number(values.mib) * MIB) / CHUNK.length;
const agent = new Agent({ keepAlive: true });

const site = await StoreSite.open(values.store);
const service = await Service.start(site.options);

async function call(method: string, path: string, body: object | Buffer, lease?: string): Promise<unknown> {
  const isBytes = Buffer.isBuffer(body);
  const content = isBytes ? body : Buffer.from(JSON.stringify(body));
  const headers = {
    'Content-Type': isBytes ? 'application/octet-stream' : 'application/json',
    'Content-Length': content.length,
    ...(lease !== undefined && { 'X-Lease-Id': lease }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(service.url + path, { method, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text));
        else reject(new Error(`${method} ${path} was answered ${response.statusCode}: ${text}`));
      });
    });
    sent.on('error', reject);
    sent.end(content);
  });
}

interface Claimed {
  readonly eval_id: string;
  readonly lease_id: string;
}

async function claim(queue: string): Promise<Claimed> {
  const { tasks } = (await call('POST', '/tasks/claim', { worker_id: queue, queues: [queue] })) as {
    tasks: Claimed[];
  };
  const [task] = tasks;
  if (task === undefined) throw new Error(`No task in ${queue}`);
  return task;
}

/** Sends logs at an even rate until it is stopped. */
class Flow {
  bytes = 0;
  private isStopped = false;
  private readonly done: Promise<unknown>;

  constructor(held: readonly Claimed[]) {
    const pauseMs = (1_000 * held.length) / CHUNKS_PER_SECOND;
    this.done = Promise.all(
      held.map(async ({ eval_id: id, lease_id: lease }, index) => {
        await delay((pauseMs * index) / held.length);
        for (let due = performance.now(); !this.isStopped; due += pauseMs) {
          await call('POST', `/tasks/${id}/log`, CHUNK, lease);
          this.bytes += CHUNK.length;
          await delay(Math.max(due + pauseMs - performance.now(), 0));
        }
      }),
    );
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.done;
  }
}

/** Milliseconds of processor that the service has used. */
function usedMs(): number {
  const [, text = ''] = readFileSync(`/proc/${service.pid}/stat`, 'latin1').split(') ');
  const [user = 0, system = 0] = text.split(' ').slice(11, 13).map(Number);
  return (user + system) * MS_PER_TICK;
}

/** Milliseconds of processor a second that the service uses for logs, with nothing else to do. */
async function costOfLogs(held: readonly Claimed[]): Promise<number> {
  const costs: number[] = [];
  for (const holders of [[], held]) {
    const began = performance.now();
    const before = usedMs();
    const flow = new Flow(holders);
    await delay(COST_MS);
    await flow.stop();
    costs.push(((usedMs() - before) * 1_000) / (performance.now() - began));
  }
  const [idle = 0, busy = 0] = costs;
  return busy - idle;
}

let next = 0;

interface Rates {
  readonly enqueue: number;
  readonly work: number;
}

/** Tasks a second: enqueued, and then claimed and completed. */
async function measure(): Promise<Rates> {
  const ms = Number(values.seconds) * 500;
  let added = 0;
  const began = performance.now();
  await eachClient(async () => {
    while (performance.now() - began < ms) {
      await call('POST', '/tasks', { eval_id: `task-${(next += 1)}`, code: 'print(1)', queue: 'work' });
      added += 1;
    }
  });
  const between = performance.now();
  let done = 0;
  await eachClient(async () => {
    while (performance.now() - between < ms && done < added - CLIENTS) {
      const { eval_id: id, lease_id } = await claim('work');
      await call('POST', `/tasks/${id}/complete`, { lease_id });
      done += 1;
    }
  });
  const end = performance.now();
  return { enqueue: (added * 1_000) / (between - began), work: (done * 1_000) / (end - between) };
}

async function eachClient(act: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, act));
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

try {
  for (let index = 0; index < WRITERS; index += 1)
    await call('POST', '/tasks', {
      eval_id: `log-${index}`,
      code: 'x',
      queue: `log-${index}`,
      timeout: 86_400,
    });
  const held = await Promise.all(Array.from({ length: WRITERS }, (_, index) => claim(`log-${index}`)));
  await measure();
  console.log(
    `${values.store}: logs alone take ${(await costOfLogs(held)).toFixed(0)} ms of processor a second`,
  );
  const ratios: Record<keyof Rates, number[]> = { enqueue: [], work: [] };
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const rates: Partial<Record<'with' | 'without', Rates>> = {};
    let flowed = 0;
    for (const kind of round % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
      const began = performance.now();
      const flow = new Flow(kind === 'with' ? held : []);
      rates[kind] = await measure();
      await flow.stop();
      if (kind === 'with') flowed = (flow.bytes * 1_000) / MIB / (performance.now() - began);
    }
    const shown = (['enqueue', 'work'] as const).map((what) => {
      const ratio = (rates.with?.[what] ?? 0) / (rates.without?.[what] ?? 1);
      ratios[what].push(ratio);
      return `${what} ${rates.with?.[what].toFixed(0)} against ${rates.without?.[what].toFixed(0)}`;
    });
    console.log(
      `${values.store}: ${shown.join(', ')} tasks a second; logs ${flowed.toFixed(2)} MiB a second`,
    );
  }
  const result = { enqueue: median(ratios.enqueue), work: median(ratios.work) };
  console.log(
    `${values.store}: enqueue ${result.enqueue.toFixed(2)}, claim + complete ${result.work.toFixed(2)} of the rate without logs`,
  );
  process.exitCode = Math.min(result.enqueue, result.work) >= Number(values.least) ? 0 : 1;
} finally {
  await service.stop();
  await site.close();
}
