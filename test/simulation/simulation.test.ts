import { jest } from '@jest/globals';
import { Crew } from './crew.js';
import { FAULTS } from './faults/index.js';
import type { Job } from './job.js';
import { type Plan, planOf, THEME_NAMES, themeOf } from './plan.js';
import { shrink } from './shrink.js';
import { simulate } from './world.js';

/** Of each theme. On LMDB a seed takes twice as long. */
const SEEDS = { reference: 30, embedded: 14 } as const;
const FEW_SEEDS = 2;
const SEEDS_PER_JOB = 15;
const SEEDS_PER_FAULT = 400;
const PROCESSES = 2;

/** A process that hangs is replaced after a while: none may be given up before. */
jest.setTimeout(900_000);

describe('the simulated service', () => {
  const crew = new Crew(PROCESSES);
  afterAll(() => crew.close());

  /** Throws with the script of the smallest plan that fails. */
  async function requireSound(jobs: readonly Job[]): Promise<void> {
    const failures = (await crew.run(jobs)).flatMap((report) => report.failures);
    if (failures.length === 0) return;
    throw new Error(failures.map(({ seed, lines }) => `seed ${seed}: ${lines.join('\n')}`).join('\n\n'));
  }

  it.each(THEME_NAMES)('keeps its promises in the theme "%s"', async (theme) => {
    const { stores, isSeldom } = themeOf(theme);
    const jobs = stores.flatMap((store) => {
      const seeds = isSeldom ? FEW_SEEDS : SEEDS[store];
      return Array.from({ length: Math.ceil(seeds / SEEDS_PER_JOB) }, (_, index): Job => {
        const first = 1 + index * SEEDS_PER_JOB;
        const count = Math.min(SEEDS_PER_JOB, seeds + 1 - first);
        return { options: { theme, store }, first, seeds: count, explains: true };
      });
    });
    await requireSound(jobs);
  });

  it('does not hide a fault that is planted', async () => {
    const jobs = FAULTS.map(({ name, where }): Job => {
      return { options: where, first: 1, seeds: SEEDS_PER_FAULT, fault: name, explains: false };
    });
    const reports = await crew.run(jobs);
    const missed = reports.filter(({ failures }) => failures.length === 0).map(({ job }) => job.fault);
    expect(missed).toEqual([]);
  });
});

describe('a simulation', () => {
  it('does the same each time', async () => {
    const plan = planOf(7, { theme: 'mixed', store: 'embedded' });
    const [first, second] = [await simulate(plan), await simulate(plan)];
    expect(second).toEqual(first);
  });

  it('is shrunk to the steps that break a promise', async () => {
    const fault = FAULTS.find(({ name }) => name === 'a clear wakes nobody');
    const run = (plan: Plan) => simulate(plan, { faults: fault === undefined ? [] : [fault] });
    let seed = 1;
    while ((await run(planOf(seed, { theme: 'clears' }))).violations.length === 0) seed += 1;
    const plan = planOf(seed, { theme: 'clears' });
    const small = await shrink(plan, run);
    expect(small.steps.length).toBeLessThan(plan.steps.length / 2);
    expect((await run(small)).violations).not.toEqual([]);
  });
});
