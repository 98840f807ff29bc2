/**
 * `npm run test:outage -- [--store embedded|redis] [--tasks 72] [--workers 12] [--cut 65]`: workers of both client
 * libraries, as processes, behind a relay that is cut twice, first without a word and then by refusing connections. Beside
 * the tasks one kills each worker that runs it, and one worker breaks all that it gets. Exit code 0 when every task is
 * completed and only the broken worker has cost it an interruption, the task that kills has ended at its budget, and the
 * broken worker was quarantined within `--attempts` (6).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from '../../src/client/index.js';
import { endServer, endWithParent } from '../support/server-process.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { projectRoot, Service } from './service.js';
import { StoreSite } from './store-site.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded' },
    tasks: { type: 'string', default: '72' },
    workers: { type: 'string', default: '12' },
    cut: { type: 'string', default: '65' },
    attempts: { type: 'string', default: '6' },
  },
});
const taskCount = Number(values.tasks);
const cutMs = Number(values.cut) * 1_000;
const QUEUE = 'default';
const KILLER = 'killer';
const BROKEN = 'broken-machine';
const MAX_INTERRUPTIONS = 3;
/** Seconds of work of a task: from the first to the second. */
const SHORTEST_S = 10;
const LONGEST_S = 20;
/** Milliseconds between two attempts of the broken worker, and after which one without an attempt was refused. */
const BREAK_EVERY_MS = 1_000;
/** Milliseconds of ordinary work between two cuts. */
const REST_MS = 20_000;
const LIMIT_MS = 1_800_000;

const problems: string[] = [];
const began = performance.now();
const site = await StoreSite.open(values.store);
const env = { ...site.options.env, WORKER_QUARANTINE_AFTER: '5' };
const service = await Service.start({ ...site.options, env });
const relay = await TcpProxy.to(service.port);
const relayUrl = `http://127.0.0.1:${relay.port}`;
/** Not behind the relay. */
const client = new Client({ url: service.url });
const workers = new Map<string, ChildProcess>();
let kills = 0;
let isOver = false;

function say(text: string): void {
  console.log(`${((performance.now() - began) / 1_000).toFixed(0)} s: ${text}`);
}

/** Starts a worker, and again under its name when a task kills it. */
function startWorker(id: string, index: number): void {
  const program = join(projectRoot(), 'test/faults/outage.worker');
  const [command, file] =
    index % 2 === 0 ? [process.execPath, `${program}.mjs`] : ['python3', `${program}.py`];
  const { PATH } = process.env;
  const child = spawn(command, [file, relayUrl, id], {
    env: { PATH, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  endWithParent(child);
  workers.set(id, child);
  child.once('exit', (_code, signal) => {
    if (isOver) return;
    if (signal === 'SIGKILL') kills += 1;
    else problems.push(`Worker ${id} ended by itself`);
    startWorker(id, index);
  });
}

async function enqueue(): Promise<readonly string[]> {
  const span = LONGEST_S - SHORTEST_S + 1;
  const ids = Array.from({ length: taskCount }, (_, index) => `task-${index}`);
  const common = { timeout: 3_600, max_interruptions: MAX_INTERRUPTIONS };
  const tasks = ids.map((eval_id, index) => ({
    ...common,
    eval_id,
    code: String(SHORTEST_S + (index % span)),
    backoff: { type: 'fixed' as const, delay: 5 },
  }));
  const killer = { ...common, eval_id: KILLER, code: 'kill', backoff: { type: 'fixed' as const, delay: 2 } };
  await client.enqueueBatch([killer, ...tasks]);
  return ids;
}

/** A worker that loses all that it gets, until it gets nothing. Returns its number of attempts of each task. */
async function breakTasks(): Promise<ReadonlyMap<string, number>> {
  const behind = new Client({ url: relayUrl });
  const attempts = new Map<string, number>();
  while ((await quarantineOf(BROKEN)) === undefined) {
    for (const task of await behind.claim({ worker_id: BROKEN })) {
      attempts.set(task.eval_id, (attempts.get(task.eval_id) ?? 0) + 1);
      await behind.fail(task, { outcome: 'lost', error: 'No space left on device' });
    }
    await delay(BREAK_EVERY_MS);
  }
  return attempts;
}

/** Why the worker gets nothing. */
async function quarantineOf(id: string): Promise<string | undefined> {
  const worker = (await client.workers.list()).find(({ worker_id }) => worker_id === id);
  return worker?.quarantine?.reason;
}

/** Watches the queue for outages; stopped by `isOver`. */
async function watchOutages(found: Set<string>): Promise<void> {
  while (!isOver) {
    const { outage } = await client.queues.get(QUEUE);
    if (outage !== null && !found.has(outage.since)) {
      found.add(outage.since);
      say(`the queue is in an outage since ${outage.since}`);
    }
    await delay(500);
  }
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    if (performance.now() - began > LIMIT_MS) throw new Error(`It did not come true: ${what}`);
    await delay(500);
  }
  say(what);
}

const completed = async (): Promise<number> => (await client.status()).completed;

async function cut(how: 'blackhole' | 'cut'): Promise<void> {
  say(`${how} for ${values.cut} s, ${await completed()} tasks completed`);
  await relay[how]();
  await delay(cutMs);
  await relay.pass();
  say('the network is back');
}

async function judge(ids: readonly string[], broken: ReadonlyMap<string, number>): Promise<void> {
  let counted = 0;
  let spared = 0;
  for (const id of ids) {
    const { status, failures, interruptions, interruptions_spared } = await client.get(id);
    counted += interruptions;
    spared += interruptions_spared;
    if (status !== 'completed') problems.push(`${id} is ${status}`);
    if (failures > 0) problems.push(`${id} has spent ${failures} failures`);
    if (interruptions > (broken.get(id) ?? 0))
      problems.push(`${id} has spent ${interruptions} interruptions`);
  }
  say(`${ids.length} tasks: ${counted} interruptions counted, ${spared} spared`);
  const killer = await client.get(KILLER);
  say(
    `the task that kills: ${killer.status}, ${killer.interruptions} counted, ${killer.interruptions_spared} spared`,
  );
  if (killer.status !== 'failed' || killer.interruptions !== MAX_INTERRUPTIONS + 1)
    problems.push('The task that kills did not end at its budget');
  const attempts = [...broken.values()].reduce((sum, count) => sum + count, 0);
  say(`the broken worker had ${attempts} attempts, then: ${await quarantineOf(BROKEN)}`);
  if (attempts > Number(values.attempts)) problems.push(`The broken worker had ${attempts} attempts`);
  for (const id of workers.keys())
    if ((await quarantineOf(id)) !== undefined) problems.push(`${id} is quarantined`);
}

try {
  const ids = await enqueue();
  for (let index = 0; index < Number(values.workers); index += 1) startWorker(`worker-${index}`, index);
  const outages = new Set<string>();
  const watching = watchOutages(outages);
  // A broken worker is known by the success of others.
  await until('the first tasks are completed', async () => (await completed()) >= Number(values.workers) / 2);
  const broken = await breakTasks();
  say('the broken worker gets no more');
  await cut('blackhole');
  await delay(REST_MS);
  await cut('cut');
  await until('all tasks have ended', async () => {
    const { queued, processing, delayed } = await client.status();
    return queued + processing + delayed === 0;
  });
  await judge(ids, broken);
  if (outages.size !== 2) problems.push(`${outages.size} outages were recognized`);
  say(`${kills} kills of workers`);
  isOver = true;
  await watching;
} finally {
  isOver = true;
  await Promise.all([...workers.values()].map((child) => endServer(child, 'SIGKILL')));
  await relay.close();
  await service.kill();
  await site.close();
}
for (const problem of problems) console.log(`BROKEN ${problem}`);
console.log(problems.length === 0 ? 'Nothing died of the outages' : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
