import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Scenario, ScenarioStage } from '../support/scenario.stage.js';

const FOLDER = 'clients/scenarios';
const scenarios = JSON.parse(readFileSync(`${FOLDER}/scenarios.json`, 'utf8')) as Scenario[];

describe.each([
  ['TypeScript', process.execPath, `${FOLDER}/worker.mjs`],
  ['Python', 'python3', `${FOLDER}/worker.py`],
  ['crucible-queue work', process.execPath, `${FOLDER}/work.mjs`],
])('the worker of %s', (_, program, script) => {
  let directory: string;
  let stage: ScenarioStage;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-scenarios-'));
    stage = await ScenarioStage.open([program, script], directory);
  });

  afterAll(async () => {
    await stage.close();
    rmSync(directory, { recursive: true });
  });

  it.each(scenarios)(
    '$name',
    async (scenario) => {
      await stage.play(scenario);
      // Every step has come true, or it would have thrown.
      expect(scenario.steps.length).toBeGreaterThan(0);
    },
    120_000,
  );
});
