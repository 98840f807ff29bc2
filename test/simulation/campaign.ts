/**
 * `npm run test:simulation -- [--seeds 1000] [--seed N] [--store embedded|reference|redis] [--theme NAME]
 * [--processes 2] [--planted [--fault NAME]]`: simulates the whole service under so many seeds, from N on. A seed that
 * fails is printed; `--seeds 1 --seed N` plays it again and shrinks it to a script of steps. `--planted` plants each
 * known fault and counts the seeds until it is found. `--store redis` carries out the plans on two processes at a real
 * Redis, in real time.
 */
import { parseArgs } from 'node:util';
import { RedisServer } from '../support/redis-server.js';
import { Crew, type Report } from './crew.js';
import { FAULTS } from './faults/index.js';
import { planOf, type PlanOptions, THEME_NAMES } from './plan.js';
import { simulateOnRedis } from './redis.js';

/** A fault that so many seeds do not show is not found. */
const SEEDS_PER_FAULT = 20_000;
const SEEDS_PER_JOB = 50;
const SEEDS_PER_NOTE = 5_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    store: { type: 'string' },
    theme: { type: 'string' },
    processes: { type: 'string', default: '2' },
    fault: { type: 'string' },
    planted: { type: 'boolean', default: false },
  },
});
const [seeds, first, processes] = [Number(values.seeds), Number(values.seed), Number(values.processes)];
const theme = THEME_NAMES.find((name) => name === values.theme);
const isStore = [undefined, 'embedded', 'reference', 'redis'].includes(values.store);
if (
  ![seeds, first, processes].every(Number.isInteger) ||
  !isStore ||
  (values.theme !== undefined && theme === undefined)
) {
  console.error(
    `--seeds, --seed and --processes must be whole numbers, --theme one of ${THEME_NAMES.join(', ')}`,
  );
  process.exit(2);
}
const options: PlanOptions = { store: storeOf(values.store), theme };
const crew = new Crew(processes);

if (values.store === 'redis') process.exitCode = (await workOnRedis()) ? 0 : 1;
else if (values.planted) process.exitCode = (await findPlanted()) ? 0 : 1;
else process.exitCode = (await work()) ? 0 : 1;
await crew.close();

function storeOf(name: string | undefined): PlanOptions['store'] {
  return name === 'embedded' || name === 'reference' ? name : undefined;
}

async function work(): Promise<boolean> {
  const startedAt = performance.now();
  const jobs = Array.from({ length: Math.ceil(seeds / SEEDS_PER_JOB) }, (_, index) => {
    const from = first + index * SEEDS_PER_JOB;
    const count = Math.min(SEEDS_PER_JOB, first + seeds - from);
    return { options, first: from, seeds: count, explains: seeds === 1 };
  });
  let [done, failed] = [0, 0];
  const note = ({ seeds: count, failures }: Report) => {
    for (const { seed, lines } of failures) console.log(`seed ${seed}: ${lines.join('\n  ')}`);
    failed += failures.length;
    if (Math.floor((done + count) / SEEDS_PER_NOTE) > Math.floor(done / SEEDS_PER_NOTE))
      console.log(`${done + count} seeds, ${failed} failed, ${secondsSince(startedAt)} s`);
    done += count;
  };
  await crew.run(jobs, note);
  console.log(
    `${failed === 0 ? `${seeds} seeds, nothing found` : `${failed} of ${seeds} seeds failed`} (${secondsSince(startedAt)} s).`,
  );
  return failed === 0;
}

async function workOnRedis(): Promise<boolean> {
  const redis = await RedisServer.start();
  let failures = 0;
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { violations } = await simulateOnRedis(planOf(seed, { theme: theme ?? 'replicas' }), redis);
    for (const { rule, detail } of violations) console.log(`seed ${seed}: ${rule}: ${detail}`);
    if (violations.length > 0) failures += 1;
  }
  await redis.stop();
  console.log(`${failures} of ${seeds} seeds failed.`);
  return failures === 0;
}

/** A table of how many seeds each planted fault takes. */
async function findPlanted(): Promise<boolean> {
  const faults = FAULTS.filter(({ name }) => name.includes(values.fault ?? ''));
  const count = Math.min(seeds, SEEDS_PER_FAULT);
  const jobs = faults.map(({ name, where }) => {
    return {
      options: { ...where, ...(theme && { theme }) },
      first,
      seeds: count,
      fault: name,
      explains: false,
    };
  });
  const reports = await crew.run(jobs);
  console.log('| fault | point | theme | seeds | found as |\n| --- | --- | --- | --- | --- |');
  for (const { name, point, where } of faults) {
    const report = reports.find(({ job }) => job.fault === name);
    const found = report?.failures[0]?.lines[0]?.replace(/^at [\d.]+ ms, /, '');
    const took = found === undefined ? 'not found' : report?.seeds;
    console.log(`| ${name} | ${point ?? ''} | ${where.theme ?? ''} | ${took} | ${found ?? ''} |`);
  }
  return reports.every(({ failures }) => failures.length > 0);
}

function secondsSince(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1);
}
