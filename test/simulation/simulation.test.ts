import { planOf, type PlanOptions, scriptOf } from './plan.js';
import { shrink } from './shrink.js';
import { simulate } from './world.js';

const SEEDS = 40;

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
  it.each<[string, PlanOptions]>([
    ['plain', { theme: 'plain', store: 'embedded' }],
    ['plain', { theme: 'plain', store: 'reference' }],
    ['schedules', { theme: 'schedules', store: 'reference' }],
  ])(`keeps its promises in ${SEEDS} runs of the theme %s on %j`, async (_, options) => {
    for (let seed = 1; seed <= SEEDS; seed += 1) await requireSound(seed, options);
  });

  it('is the same each time', async () => {
    const plan = planOf(7, { theme: 'mixed', store: 'reference' });
    const [first, second] = [await simulate(plan), await simulate(plan)];
    expect(second).toEqual(first);
  });
});
