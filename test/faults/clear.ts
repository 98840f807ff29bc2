/**
 * `npm run test:clear -- [--store embedded|redis] [--tasks 1000000] [--batch 1000] [--kills 20]`: fills a service, clears it with and without a
 * filter, and measures meanwhile what others wait for: `/livez` and enqueues, one after the other. Then it kills the
 * service while the records are being reclaimed, starts it again, and ends it by SIGTERM. At last it kills a service in the
 * middle of clears (see `ClearKills`). Exit code 0 when nothing cleared came back, nothing enqueued was lost, and nothing
 * took longer than `--limit` (100 ms), not counting what the service and this program waited for a processor: that says
 * how busy the machine is, and is shown.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ClearKills } from './clear.kills.js';
import { fill, Probe, send } from './probe.js';
import { Service } from './service.js';
import { StoreSite } from './store-site.js';

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'embedded' },
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

const problems: string[] = [];

function report(probe: Probe): void {
  problems.push(...probe.report(limitMs));
}

async function tellSlow(): Promise<void> {
  for (const slow of await site.slowCommands()) console.log(`Redis: ${slow}`);
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

const site = await StoreSite.open(values.store);
const { options } = site;
let service = await Service.start(options);
try {
  const began = performance.now();
  await fill(service, {
    prefix: 'old',
    count: tasks,
    batch,
    fields: (index) => ({ queue: `q${Math.floor(index / batch) % 10}` }),
  });
  console.log(`${tasks} tasks in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const before = new Probe(service, 'before', site.pids);
  await delay(3_000);
  await before.stop();
  report(before);
  await tellSlow();

  const during = new Probe(service, 'while it is cleared and reclaimed', site.pids);
  await delay(200);
  const filtered = await clear(service, '?queue=q0,q1&status=queued');
  const all = await clear(service, '');
  if (filtered + all < tasks) problems.push(`${filtered + all} of ${tasks} tasks were counted`);
  const known = during.enqueued.length;
  await delay(watchSeconds * 1000);
  await during.stop();
  report(during);
  await tellSlow();
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
  const after = new Probe(service, 'reclaiming after three kills', site.pids);
  await delay(3_000);
  await after.stop();
  report(after);
  await tellSlow();
  await expectOnly(service, 'old', after.enqueued);
  const stopped = performance.now();
  await service.stop();
  console.log(
    `SIGTERM while it is reclaimed: ended in ${((performance.now() - stopped) / 1000).toFixed(2)} s`,
  );
  if ((await service.exited) !== 0) problems.push(`It ended with ${await service.exited}`);

  const killed = await StoreSite.open(values.store);
  const kills = new ClearKills(killed.options, Number(values['kill-tasks']));
  try {
    await kills.run(Number(values.kills));
  } finally {
    await killed.close();
  }
  problems.push(...kills.problems);
  console.log(
    `${values.kills} kills around a clear: ${kills.answered} had been answered, ${kills.unanswered} had not; ${kills.problems.length} problems`,
  );
} finally {
  await service.kill();
  await site.close();
}
for (const problem of problems.slice(0, 20)) console.log(`BROKEN ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
