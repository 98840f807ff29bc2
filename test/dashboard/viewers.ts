/**
 * `npm run bench:viewers`: what three viewers of the overview cost the server, with 10,000
 * tasks in it and 200 transitions a second. Compares the processor time of the service without and with them.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { callerAt } from '../support/dashboard-tasks.js';
import { ServiceProcess } from '../support/service-process.js';

const TASKS = 10_000;
const VIEWERS = 3;
const TRANSITIONS_PER_SECOND = 200;
const SECONDS = 20;
/** Of the kernel, for the times of a process. */
const TICKS_PER_SECOND = 100;

const directory = await mkdtemp(join(tmpdir(), 'crucible-viewers-'));
const service = await ServiceProcess.start({ DATA_DIR: directory });
const call = callerAt(service.url);
let next = 0;

/** Seconds of processor time so far. */
function processorTime(): number {
  const fields = readFileSync(`/proc/${service.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Enqueues in steps of a tenth of a second. */
async function load(): Promise<void> {
  const perStep = TRANSITIONS_PER_SECOND / 10;
  const end = performance.now() + SECONDS * 1000;
  while (performance.now() < end) {
    const step = delay(100);
    const tasks = Array.from({ length: perStep }, () => ({ eval_id: `load-${(next += 1)}`, code: 'x' }));
    await call('POST', '/tasks/batch', { tasks });
    await step;
  }
}

/** The share of one core that the service took. */
async function measure(): Promise<number> {
  const before = processorTime();
  const startedAt = performance.now();
  await load();
  return (processorTime() - before) / ((performance.now() - startedAt) / 1000);
}

async function view(signal: AbortSignal): Promise<number> {
  const headers = { Accept: 'text/html, text/event-stream', 'HX-Request': 'true' };
  const response = await fetch(`${service.url}/dashboard`, { headers, signal });
  let messages = 0;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body ?? []) {
      messages += decoder.decode(chunk as Uint8Array).startsWith('data:') ? 1 : 0;
    }
  } catch {
    // The end of the measurement.
  }
  return messages;
}

try {
  for (let index = 0; index < TASKS; index += 1000) {
    const tasks = Array.from({ length: 1000 }, (_, one) => ({ eval_id: `t-${index + one}`, code: 'x' }));
    await call('POST', '/tasks/batch', { tasks });
  }
  await measure();
  const without = await measure();
  const stop = new AbortController();
  const views = Array.from({ length: VIEWERS }, () => view(stop.signal));
  const together = await measure();
  stop.abort();
  const messages = await Promise.all(views);
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  console.log(`without viewers ${percent(without)} of a core, with ${VIEWERS} ${percent(together)}`);
  console.log(`the viewers cost ${percent(together - without)}; each got ${messages.join(', ')} updates`);
} finally {
  await service.stop();
  await rm(directory, { recursive: true, force: true });
}
