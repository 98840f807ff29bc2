/**
 * `npm run test:clear -- [--tasks 1000000] [--batch 1000] [--kills 20]`: fills a service, clears it with and without a
 * filter, and measures meanwhile what others wait for: `/livez` and enqueues, one after the other. Then it kills the
 * service while the records are being reclaimed, starts it again, and ends it by SIGTERM. At last it kills a service in the
 * middle of clears (see `ClearKills`). Exit code 0 when nothing cleared came back, nothing enqueued was lost, and nothing
 * took longer than `--limit` (100 ms), not counting what the service and this program waited for a processor: that says
 * how busy the machine is, and is shown.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ClearKills } from './clear.kills.js';
import { Service } from './service.js';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000000' },
    batch: { type: 'string', default: '1000' },
    limit: { type: 'string', default: '100' },
    watch: { type: 'string', default: '20' },
    kills: { type: 'string', default: '20' },
    'kill-tasks': { type: 'string', default: '2000' },
  },
});
const tasks = Number(values.tasks);
const batch = Number(values.batch);
const limitMs = Number(values.limit);
const watchSeconds = Number(values.watch);

const JSON_TYPE = { 'Content-Type': 'application/json' };
const PROBE_MS = 10;

async function send(service: Service, method: string, path: string, body?: object): Promise<Response> {
  const content = body === undefined ? {} : { headers: JSON_TYPE, body: JSON.stringify(body) };
  return fetch(`${service.url}${path}`, { method, ...content });
}

async function fill(service: Service, prefix: string, count: number): Promise<void> {
  for (let from = 0; from < count; from += batch) {
    const some = Array.from({ length: Math.min(batch, count - from) }, (_, index) => ({
      eval_id: `${prefix}-${from + index}`,
      code: 'print(1)',
      queue: `q${(from / batch) % 10}`,
    }));
    const { status } = await send(service, 'POST', '/tasks/batch', { tasks: some });
    if (status !== 200) throw new Error(`A batch was answered ${status}`);
  }
}

/** Milliseconds that the main thread of a process was ready and had no processor. */
function queuedMs(pid: number): number {
  const [, waited = 0] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ').map(Number);
  return waited / 1e6;
}

/** Asks for `/livez` and enqueues, one after the other, until it is stopped. */
class Probe {
  readonly tookMs = { livez: [] as number[], enqueue: [] as number[] };
  /** Of that, without what both processes waited for a processor. */
  readonly ownMs = { livez: [] as number[], enqueue: [] as number[] };
  readonly enqueued: string[] = [];
  private isStopped = false;
  private readonly done: Promise<unknown>;

  constructor(
    private readonly service: Service,
    private readonly name: string,
  ) {
    this.done = Promise.all([this.each('livez'), this.each('enqueue')]);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.done;
  }

  private async each(what: 'livez' | 'enqueue'): Promise<void> {
    for (let number = 0; !this.isStopped; number += 1) {
      const began = performance.now();
      const waited = this.waitedMs();
      await (what === 'livez' ? this.live() : this.enqueue(`${this.name}-${number}`));
      const took = performance.now() - began;
      this.tookMs[what].push(took);
      this.ownMs[what].push(Math.max(took - (this.waitedMs() - waited), 0));
      await delay(PROBE_MS);
    }
  }

  private waitedMs(): number {
    return queuedMs(this.service.pid) + queuedMs(process.pid);
  }

  private async live(): Promise<void> {
    const { status } = await send(this.service, 'GET', '/livez');
    if (status !== 200) throw new Error(`/livez was answered ${status}`);
  }

  private async enqueue(id: string): Promise<void> {
    const { status } = await send(this.service, 'POST', '/tasks', { eval_id: id, code: 'x', queue: 'kept' });
    if (status !== 201) throw new Error(`An enqueue was answered ${status}`);
    this.enqueued.push(id);
  }
}

const problems: string[] = [];

function describe(name: string, { tookMs, ownMs }: Probe): void {
  for (const what of ['livez', 'enqueue'] as const) {
    const sorted = tookMs[what].toSorted((one, other) => one - other);
    const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
    const worst = Math.max(...ownMs[what]);
    if (worst > limitMs) problems.push(`${what} took ${worst.toFixed(0)} ms of its own: ${name}`);
    console.log(
      `${name}: ${what} ${sorted.length} times, ${at(0.5)} ms (median), ${at(0.99)} (99 %), ${at(1)} (longest), ` +
        `${worst.toFixed(1)} (longest without waits for a processor); load ${loadavg()[0]?.toFixed(1)}`,
    );
  }
}

async function clear(service: Service, query: string): Promise<number> {
  const began = performance.now();
  const answer = await send(service, 'DELETE', `/tasks${query}`);
  const { tasks_removed: count } = (await answer.json()) as { tasks_removed: number };
  console.log(
    `DELETE /tasks${query}: ${count} tasks, answered in ${(performance.now() - began).toFixed(1)} ms`,
  );
  return count;
}

async function expectOnly(service: Service, prefix: string, kept: readonly string[]): Promise<void> {
  const status = (await (await send(service, 'GET', '/status')).json()) as { total_tasks: number };
  if (status.total_tasks !== kept.length)
    problems.push(`${status.total_tasks} tasks are known, ${kept.length} were enqueued after the clear`);
  for (const id of kept) {
    if ((await send(service, 'GET', `/tasks/${id}`)).status !== 200) problems.push(`${id} was lost`);
  }
  for (let number = 0; number < 1_000; number += 1) {
    const gone = await send(service, 'GET', `/tasks/${prefix}-${Math.floor((number * tasks) / 1_000)}`);
    if (gone.status !== 404) problems.push(`${prefix} ${number} is back`);
  }
}

const directory = await mkdtemp(join(tmpdir(), 'crucible-clear-'));
const options = { directory, env: { LOG_LEVEL: 'error' } };
let service = await Service.start(options);
try {
  const began = performance.now();
  await fill(service, 'old', tasks);
  console.log(`${tasks} tasks in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const before = new Probe(service, 'before');
  await delay(3_000);
  await before.stop();
  describe('before', before);

  const during = new Probe(service, 'during');
  await delay(200);
  const filtered = await clear(service, '?queue=q0,q1&status=queued');
  const all = await clear(service, '');
  if (filtered + all < tasks) problems.push(`${filtered + all} of ${tasks} tasks were counted`);
  const known = during.enqueued.length;
  await delay(watchSeconds * 1000);
  await during.stop();
  describe('while it is cleared and reclaimed', during);
  // Those that were enqueued before the second clear are gone with it.
  const kept = during.enqueued.slice(known + 1);

  for (let kill = 0; kill < 3; kill += 1) {
    await service.kill();
    service = await Service.start(options);
    await delay(300);
  }
  const status = (await (await send(service, 'GET', '/status')).json()) as { total_tasks: number };
  if (status.total_tasks > during.enqueued.length || status.total_tasks < kept.length)
    problems.push(`${status.total_tasks} tasks after the kills, of ${kept.length} that must be there`);
  await clear(service, '');
  const after = new Probe(service, 'after');
  await delay(3_000);
  await after.stop();
  describe('reclaiming after three kills', after);
  await expectOnly(service, 'old', after.enqueued);
  const stopped = performance.now();
  await service.stop();
  console.log(
    `SIGTERM while it is reclaimed: ended in ${((performance.now() - stopped) / 1000).toFixed(2)} s`,
  );
  if ((await service.exited) !== 0) problems.push(`It ended with ${await service.exited}`);

  const killed = await mkdtemp(join(tmpdir(), 'crucible-clear-'));
  const kills = new ClearKills({ ...options, directory: killed }, Number(values['kill-tasks']));
  try {
    await kills.run(Number(values.kills));
  } finally {
    await rm(killed, { recursive: true, force: true });
  }
  problems.push(...kills.problems);
  console.log(
    `${values.kills} kills around a clear: ${kills.answered} had been answered, ${kills.unanswered} had not; ${kills.problems.length} problems`,
  );
} finally {
  await service.kill();
  await rm(directory, { recursive: true, force: true });
}
for (const problem of problems.slice(0, 20)) console.log(`BROKEN ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
