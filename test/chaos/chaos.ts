/**
 * `npm run test:chaos`: every runtime finishes 2,000 tasks behind proxies that answer badly.
 * `-- --tasks N`, `-- --only RUNTIME`. `-- --steady N` instead: N tasks without faults, and what the workers use meanwhile.
 * `-- --hostile` instead: every hostile task, for `crucible-queue work`, or with `--only shell` for `worker.sh`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Service } from '../faults/service.js';
import { BAD_ANSWERS } from './bad-answers.js';
import { type ChaosTask, type CrewReport, finishWithCrew, RUNTIMES, tasksOf, usageOf } from './chaos.crew.js';
import { hostileTasks } from './hostile-tasks.js';

const EVERY = 8;
const WORKERS = 2;
/** How often a steady run looks at what its worker uses: ten times in each third. */
const SAMPLES = 30;
/** The mean of the last third of the tasks above the highest before: a runtime may give memory back and take it again. */
const MOST_GROWTH_MIB = 5;
const MOST_NEW_DESCRIPTORS = 2;
/** Beside one for each report that is under way: claims, heartbeats, progress, and those that only one side has closed. */
const MOST_CONNECTIONS_BESIDE = 8;

interface Usage {
  readonly ended: number;
  readonly mebibytes: number;
  readonly descriptors: number;
}

const { values } = parseArgs({
  options: {
    tasks: { type: 'string' },
    only: { type: 'string' },
    steady: { type: 'string' },
    hostile: { type: 'boolean', default: false },
  },
});
const isSteady = values.steady !== undefined;
const isQuiet = isSteady || values.hostile;
const concurrency = isSteady ? 16 : 4;
const only = values.only ?? (values.hostile ? 'command' : undefined);
const tasks = tasksOfRun();
const count = tasks.length;
const directory = mkdtempSync(join(tmpdir(), 'crucible-chaos-'));
const service = await Service.start({ directory });
try {
  for (const runtime of RUNTIMES) {
    if (only !== undefined ? only !== runtime : isSteady && runtime === 'shell') continue;
    const usage: Usage[] = [];
    const startedAt = performance.now();
    const report = await finishWithCrew({
      url: service.url,
      runtime,
      workers: isQuiet ? 1 : WORKERS,
      concurrency,
      collects: isSteady,
      lease: 9,
      tasks,
      members: isQuiet ? [] : BAD_ANSWERS,
      every: isQuiet ? Number.MAX_SAFE_INTEGER : EVERY,
      onProgress: (ended, [worker]) => {
        const step = Math.floor((ended * SAMPLES) / count);
        if (worker !== undefined && step > usage.length) usage.push({ ended, ...usageOf(worker) });
      },
    });
    const seconds = (performance.now() - startedAt) / 1000;
    const covered = new Set(report.traffic.flatMap((each) => [...each.covered]));
    console.log(JSON.stringify({ runtime, seconds, ...report, traffic: undefined, covered: covered.size }));
    for (const { requests, bad, repeatsPerSecond, connections } of report.traffic)
      console.log(JSON.stringify({ requests, bad, repeatsPerSecond, connections }));
    if (isSteady) for (const each of usage) console.log(JSON.stringify(each));
    for (const promise of brokenBy(report, usage)) {
      console.log(`Broken: ${promise}`);
      process.exitCode = 1;
    }
  }
} finally {
  await service.stop();
  rmSync(directory, { recursive: true });
}

function tasksOfRun(): readonly ChaosTask[] {
  if (values.hostile) return hostileTasks(only === 'shell' ? 'shell' : 'command');
  if (values.steady === undefined) return tasksOf(Number(values.tasks ?? 2000));
  return Array.from({ length: Number(values.steady) }, () => ({ code: 'return', ends: 'completed' }));
}

/** What did not come true. */
function brokenBy({ wrong, heldAtTheEnd, brokenWorkers, traffic }: CrewReport, usage: Usage[]): string[] {
  const third = Math.floor(usage.length / 3);
  const growthOf = (read: (each: Usage) => number): number =>
    mean(usage.slice(2 * third).map(read)) - Math.max(...usage.slice(0, 2 * third).map(read));
  const growth = growthOf(({ mebibytes }) => mebibytes);
  const opened = growthOf(({ descriptors }) => descriptors);
  if (isSteady) console.log(JSON.stringify({ growth, opened }));
  const promises: readonly (readonly [boolean, string])[] = [
    [wrong.length === 0, `every task ends once and as it should, not so: ${wrong.join(', ')}`],
    [heldAtTheEnd === 0, `nothing is held at the end, not ${heldAtTheEnd}`],
    [brokenWorkers.length === 0, `workers end when they are told to: ${brokenWorkers.join(', ')}`],
    [traffic.every((each) => each.repeatsPerSecond <= 2), 'a worker repeats two calls a second'],
    [
      traffic.every((each) => each.connections <= concurrency + MOST_CONNECTIONS_BESIDE),
      'a worker has few connections',
    ],
    [!isSteady || growth <= MOST_GROWTH_MIB, `memory is flat, not ${growth} MiB more`],
    [!isSteady || opened <= MOST_NEW_DESCRIPTORS, `descriptors are flat, not ${opened} more`],
  ];
  return promises.filter(([isKept]) => !isKept).map(([, promise]) => promise);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
