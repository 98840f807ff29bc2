import { runScenario } from './redis.campaign.js';
import { describeDelays, describeFailures, describeReport, keepHistory } from './redis.report.js';
import { REDIS_SCENARIOS } from './redis.scenarios.js';

const SEED = 1;

/**
 * As `npm run test:faults:redis` runs it, with one fault. Times are reported and not judged: a machine that runs other
 * tests besides has none to spare.
 */
export async function expectKept(name: string, lastsMs?: number): Promise<void> {
  const scenario = REDIS_SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined) throw new Error(`There is no scenario ${name}`);
  const shortened = { ...scenario, lastsMs: lastsMs ?? scenario.lastsMs };
  const report = await runScenario(shortened, { seed: SEED, seconds: 0, rounds: 1 });
  process.stderr.write(`${[describeReport(report), ...describeDelays(report)].join('\n')}\n`);
  const failures = describeFailures(report);
  if (failures.length > 0) failures.push(`  what clients did is in ${keepHistory(report, SEED)}`);
  expect(failures).toEqual([]);
  expect(report.verdict.figures).toMatchObject({ lost: 0, undone: 0, unexpected: 0 });
  expect(report.verdict.figures.acknowledged).toBeGreaterThan(0);
  expect(report.verdict.figures.completed).toBeGreaterThan(0);
  expect(report.backMs).toHaveLength(1);
}
