/**
 * `npm run test:limits -- [--rounds 5] [--seed N] [--store embedded,redis] [--plant N]`: 200 workers on 50 groups of
 * which 10 tasks each may be held, with failures, lost leases and kills; on the embedded store, and on three replicas at
 * one Redis. `--plant` sets another limit than the one that is judged, which must be found. Progress goes to stderr; the
 * exit code is 0 when no group was ever above its limit, and every slot could be used.
 */
import { parseArgs } from 'node:util';
import { describeLimitsRun, isWithinLimits, runLimits } from './limits.campaign.js';
import type { LimitsStore } from './limits.stage.js';

const PLAN = { groups: 50, limit: 10, workers: 200 };
const STORES: readonly LimitsStore[] = ['embedded', 'redis'];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    store: { type: 'string', default: STORES.join(',') },
    plant: { type: 'string' },
    main: { type: 'string' },
  },
});
const [rounds, seed, planted] = [values.rounds, values.seed, values.plant ?? PLAN.limit].map(Number);
const stores = STORES.filter((store) => values.store.split(',').includes(store));
if (![rounds, seed, planted].every(Number.isInteger) || stores.length === 0) {
  console.error('--rounds, --seed and --plant must be whole numbers, --store embedded or redis');
  process.exit(2);
}

const progress = (line: string) => {
  process.stderr.write(`${line}\n`);
};
progress(`seed ${seed}`);
let broken = 0;
for (const store of stores) {
  const options = {
    store,
    plan: PLAN,
    rounds: Number(rounds),
    seed: Number(seed),
    planted,
    main: values.main,
  };
  const report = await runLimits({ ...options, onRound: progress });
  for (const line of describeLimitsRun(options, report)) console.log(line);
  if (!isWithinLimits(report)) broken += 1;
}
console.log(broken === 0 ? 'All promises were kept.' : `On ${broken} stores a promise was broken.`);
process.exitCode = broken === 0 ? 0 : 1;
