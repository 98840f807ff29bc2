import { describeCrashes, runCrashes } from './crash.campaign.js';

const LIMIT_MS = 240_000;

describe('kill -9 under load', () => {
  it(
    'loses no acknowledged task, undoes no completion and never has two holders, in 3 rounds',
    async () => {
      const report = await runCrashes({ rounds: 3, seed: 1 });
      const { invalid, violations, figures } = report.verdict;
      expect({ invalid, violations }).toEqual({ invalid: [], violations: [] });
      expect(figures).toMatchObject({ lost: 0, undone: 0, unexpected: 0 });
      expect(figures.acknowledged).toBeGreaterThan(0);
      expect(figures.completed).toBeGreaterThan(0);
      expect(report.restartsMs).toHaveLength(3);
      expect(describeCrashes(report).at(-1)).toContain('0 acknowledged tasks lost, 0 completions undone');
    },
    LIMIT_MS,
  );
});
