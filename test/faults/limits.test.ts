import { type LimitsOptions, runLimits } from './limits.campaign.js';

const LIMIT_MS = 150_000;
const PLAN = { groups: 6, limit: 3, workers: 24 };

async function expectKept(store: LimitsOptions['store']): Promise<void> {
  const report = await runLimits({ store, plan: PLAN, rounds: 1, seed: 1, calmMs: 500 });
  const { invalid, violations, figures } = report.verdict;
  expect([...invalid, ...violations, ...report.complaints]).toEqual([]);
  expect(figures).toMatchObject({ lost: 0, undone: 0, mostOfGroup: PLAN.limit });
  expect(report).toMatchObject({ kills: 2, looks: 4 });
  expect(report.claimed).toBeGreaterThan(0);
}

/** As `npm run test:limits` runs it, with fewer of everything. */
describe('limited groups, with failures, lost leases and kills', () => {
  it(
    'are never above their limit, use it whole and leak nothing',
    async () => {
      // Side by side: much of the time they wait for leases to end.
      await Promise.all([expectKept('embedded'), expectKept('redis')]);
    },
    LIMIT_MS,
  );

  it('are found out when one more is let through, and when one is left unused', async () => {
    const run = (planted: number) =>
      runLimits({ store: 'embedded', plan: PLAN, rounds: 0, seed: 1, patienceMs: 200, planted });
    const [above, below] = await Promise.all([run(PLAN.limit + 1), run(PLAN.limit - 1)]);
    expect(above.verdict.violations).toContainEqual({
      rule: 'INV-27',
      detail: expect.stringMatching(/^group g-\d had 4 at .*, 3 are allowed$/),
    });
    expect(above.complaints).toContainEqual('at the end: the stats say 24 of 18 held');
    expect(below.verdict.violations).toEqual([]);
    expect(below.complaints).toContainEqual('at the end: of g-0 2 were held, 2 said to be, of 3');
  });
});
