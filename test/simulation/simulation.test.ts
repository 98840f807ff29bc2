import { jest } from '@jest/globals';
import { FAULTS } from './faults/index.js';
import { planOf, type PlanOptions, scriptOf, type ThemeName } from './plan.js';
import { shrink } from './shrink.js';
import type { StoreKind } from './stores.js';
import { simulate } from './world.js';

const SEEDS = 8;
const SEEDS_PER_FAULT = 60;

/** Two simulations at once would share their time: none may be given up while it runs. */
jest.setTimeout(900_000);

/** Those that take long are left to the campaign. */
const THEMES: readonly (readonly [ThemeName, ...StoreKind[]])[] = [
  ['plain', 'embedded', 'reference'],
  ['rates', 'embedded', 'reference'],
  ['limits', 'embedded', 'reference'],
  ['claims', 'embedded', 'reference'],
  ['batches', 'embedded', 'reference'],
  ['clears', 'embedded', 'reference'],
  ['conflicts', 'embedded'],
  ['depth', 'embedded', 'reference'],
  ['ageing', 'embedded'],
  ['schedules', 'reference'],
  ['replicas', 'reference'],
  ['mixed', 'embedded', 'reference'],
  ['broken disk', 'embedded'],
];

/** Of each kind one that few seeds find; the campaign has all. */
const QUICKLY_FOUND = [
  'idle polls spin',
  'a token is announced too late',
  'a repeated claim loses its lease',
  'the second end of a batch is not told',
  'an enqueue tells no waiter',
  'a clear wakes nobody',
  'a cleared lease is answered 404',
  'an index disagrees with the file',
];

/** Throws with the script of the smallest plan that fails. */
async function requireSound(seed: number, options: PlanOptions): Promise<void> {
  const plan = planOf(seed, options);
  if ((await simulate(plan)).violations.length === 0) return;
  const small = await shrink(plan, (smaller) => simulate(smaller));
  const { violations } = await simulate(small);
  const broken = violations.map(({ rule, detail, at }) => `at ${at} ms, ${rule}: ${detail}`);
  throw new Error([...scriptOf(small), ...broken].join('\n'));
}

describe('the simulated service', () => {
  it.each(THEMES.flatMap(([theme, ...stores]) => stores.map((store) => ({ theme, store }))))(
    `keeps its promises in ${SEEDS} runs of $theme on the $store store`,
    async (options) => {
      for (let seed = 1; seed <= SEEDS; seed += 1) await requireSound(seed, options);
    },
  );

  it('does the same each time', async () => {
    const plan = planOf(7, { theme: 'mixed', store: 'embedded' });
    const [first, second] = [await simulate(plan), await simulate(plan)];
    expect(second).toEqual(first);
  });
});

describe('the simulation', () => {
  it.each(FAULTS.filter(({ name }) => QUICKLY_FOUND.includes(name)))(
    'finds the planted fault "$name"',
    async (fault) => {
      let found = false;
      for (let seed = 1; seed <= SEEDS_PER_FAULT && !found; seed += 1) {
        const { violations } = await simulate(planOf(seed, fault.where), { faults: [fault] });
        found = violations.length > 0;
      }
      expect(found).toBe(true);
    },
  );

  it('shrinks a plan to the steps that break a promise', async () => {
    const fault = FAULTS.find(({ name }) => name === 'a clear wakes nobody');
    const run = (plan: Parameters<typeof simulate>[0]) =>
      simulate(plan, { faults: fault === undefined ? [] : [fault] });
    let seed = 1;
    while ((await run(planOf(seed, { theme: 'clears' }))).violations.length === 0) seed += 1;
    const plan = planOf(seed, { theme: 'clears' });
    const small = await shrink(plan, run);
    expect(small.steps.length).toBeLessThan(plan.steps.length / 2);
    expect((await run(small)).violations).not.toEqual([]);
  });
});
