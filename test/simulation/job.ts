import { inspect } from 'node:util';
import { FAULTS } from './faults/index.js';
import { type Plan, planOf, type PlanOptions, scriptOf } from './plan.js';
import { shrink } from './shrink.js';
import { type Outcome, simulate } from './world.js';

/** Seeds to simulate. */
export interface Job {
  readonly options: PlanOptions;
  readonly first: number;
  readonly seeds: number;
  /** The name of a fault to plant: then the first seed that finds something is the last. */
  readonly fault?: string;
  /** Whether seeds that fail are shrunk. */
  readonly explains: boolean;
}

/** A seed that fails. */
export interface Failure {
  readonly seed: number;
  /** What was broken, and when the job explains, the smallest script that breaks it. */
  readonly lines: readonly string[];
}

/** Of one job no more are shrunk: the first says most. */
const MOST_EXPLAINED = 2;

/** Does a job, and calls back with each seed when it is done. */
export async function perform(job: Job, onSeed: (seed: number) => void): Promise<Failure[]> {
  const faults = FAULTS.filter(({ name }) => name === job.fault);
  if (faults.length === 0 && job.fault !== undefined) throw new Error(`There is no fault "${job.fault}"`);
  const run = (plan: Plan) => simulate(plan, { faults });
  const failures: Failure[] = [];
  for (let seed = job.first; seed < job.first + job.seeds; seed += 1) {
    const failure = await tryOne(
      planOf(seed, job.options),
      run,
      job.explains && failures.length < MOST_EXPLAINED,
    );
    if (failure !== undefined) failures.push(failure);
    onSeed(seed);
    if (failure !== undefined && job.fault !== undefined) break;
  }
  return failures;
}

async function tryOne(
  plan: Plan,
  run: (plan: Plan) => Promise<Outcome>,
  explains: boolean,
): Promise<Failure | undefined> {
  const rejections: unknown[] = [];
  const listener = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', listener);
  const { violations } = await run(plan);
  process.off('unhandledRejection', listener);
  const lines = [
    ...violations.map(({ rule, detail, at }) => `at ${at} ms, ${rule}: ${detail}`),
    ...rejections.map((reason) => `a promise was rejected and nothing listened: ${inspect(reason)}`),
  ];
  if (lines.length === 0) return undefined;
  const script = explains ? scriptOf(await shrink(plan, run)) : [`theme ${plan.theme}, ${plan.store} store`];
  return { seed: plan.seed, lines: [...lines, ...script] };
}
