/**
 * `npm run test:simulation -- [--seeds 1000] [--seed N] [--store embedded|reference|redis] [--theme NAME] [--planted]`:
 * simulates the whole service under so many seeds, from N on. A seed that fails is shrunk and printed as a script of
 * steps; `--seeds 1 --seed N` plays it again. `--planted` plants each known fault and counts the seeds until it is found.
 * `--store redis` carries out the plans on two processes at a real Redis, in real time.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect, parseArgs } from 'node:util';
import { RedisServer } from '../support/redis-server.js';
import { FAULTS } from './faults/index.js';
import { planOf, type PlanOptions, scriptOf, THEME_NAMES } from './plan.js';
import { simulateOnRedis } from './redis.js';
import { shrink } from './shrink.js';
import { simulate } from './world.js';

/** By the real clock, for one seed: JavaScript that never comes to an end cannot be stopped from within. */
const HANG_MS = 120_000;
/** A fault that so many seeds do not show is not found. */
const SEEDS_PER_FAULT = 20_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    store: { type: 'string' },
    theme: { type: 'string' },
    fault: { type: 'string' },
    planted: { type: 'boolean', default: false },
  },
});
const [seeds, first] = [Number(values.seeds), Number(values.seed)];
const theme = THEME_NAMES.find((name) => name === values.theme);
const isStore = [undefined, 'embedded', 'reference', 'redis'].includes(values.store);
if (
  ![seeds, first].every(Number.isInteger) ||
  !isStore ||
  (values.theme !== undefined && theme === undefined)
) {
  console.error(`--seeds and --seed must be whole numbers, --theme one of ${THEME_NAMES.join(', ')}`);
  process.exit(2);
}
const isOnRedis = values.store === 'redis';
const options: PlanOptions = { store: isOnRedis ? undefined : (values.store as PlanOptions['store']), theme };

if (isOnRedis) process.exitCode = (await workOnRedis()) ? 0 : 1;
else if (process.send !== undefined) await work();
else if (values.planted) process.exitCode = (await findPlanted()) ? 0 : 1;
else process.exitCode = (await supervise()) ? 0 : 1;

/** Has a process of its own go through the seeds, and stops it when it hangs. */
async function supervise(): Promise<boolean> {
  const last = first + seeds;
  let [next, failures] = [first, 0];
  while (next < last) {
    const result = await runChild(next, last - next);
    next = result.next;
    failures += result.failures;
    if (result.hangs) {
      failures += 1;
      console.log(`seed ${next} does not come to an end`);
      next += 1;
    } else if (next < last) {
      failures += 1;
      console.log(`the process ended at seed ${next}`);
      next += 1;
    }
  }
  console.log(failures === 0 ? `${seeds} seeds, nothing found.` : `${failures} of ${seeds} seeds failed.`);
  return failures === 0;
}

interface Stretch {
  readonly next: number;
  readonly failures: number;
  readonly hangs: boolean;
}

function runChild(from: number, count: number): Promise<Stretch> {
  const given = [...(values.store ? ['--store', values.store] : []), ...(theme ? ['--theme', theme] : [])];
  const args = ['--seed', String(from), '--seeds', String(count), ...given];
  const child = fork(fileURLToPath(import.meta.url), args);
  return new Promise((resolve) => {
    let next = from;
    let failures = 0;
    let hangs = false;
    let alarm: NodeJS.Timeout | undefined;
    const watch = () => {
      clearTimeout(alarm);
      alarm = setTimeout(() => {
        hangs = true;
        child.kill('SIGKILL');
      }, HANG_MS);
    };
    watch();
    child.on('message', (message: { seed: number; isFailed: boolean }) => {
      next = message.seed + 1;
      if (message.isFailed) failures += 1;
      watch();
    });
    child.on('exit', () => {
      clearTimeout(alarm);
      resolve({ next, failures, hangs });
    });
  });
}

async function work(): Promise<void> {
  let reason: unknown;
  process.on('unhandledRejection', (error) => {
    reason = error;
  });
  for (let seed = first; seed < first + seeds; seed += 1) {
    const plan = planOf(seed, options);
    const { violations, steps } = await simulate(plan);
    const isFailed = violations.length > 0 || reason !== undefined;
    if (isFailed) {
      const [violation] = violations;
      console.log(`seed ${seed} (${plan.theme}, ${plan.store}): ${violation?.rule}: ${violation?.detail}`);
      if (reason !== undefined)
        console.log(`  a promise was rejected and nobody listened: ${inspect(reason)}`);
      if (seeds === 1) await explain(seed);
    }
    reason = undefined;
    if (seeds === 1) console.log(`${steps} things happened`);
    process.send?.({ seed, isFailed });
  }
  process.disconnect();
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

async function explain(seed: number): Promise<void> {
  const small = await shrink(planOf(seed, options), (plan) => simulate(plan));
  const { violations } = await simulate(small);
  console.log(scriptOf(small).join('\n'));
  for (const { rule, detail, at } of violations) console.log(`at ${at} ms, ${rule}: ${detail}`);
}

/** How many seeds each planted fault takes. */
async function findPlanted(): Promise<boolean> {
  let missed = 0;
  for (const fault of FAULTS) {
    if (values.fault !== undefined && !fault.name.includes(values.fault)) continue;
    let found: string | undefined;
    let seed = first;
    for (; seed < first + Math.min(seeds, SEEDS_PER_FAULT) && found === undefined; seed += 1) {
      const plan = planOf(seed, { ...fault.where, ...(theme && { theme }) });
      const { violations } = await simulate(plan, { faults: [fault] });
      found = violations[0] && `${violations[0].rule}: ${violations[0].detail}`;
    }
    if (found === undefined) missed += 1;
    console.log(
      `${fault.name}: ${found === undefined ? 'not found' : `${seed - first} seeds`}; ${found ?? ''}`,
    );
  }
  return missed === 0;
}
