import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Scenario, ScenarioStage } from '../support/scenario.stage.js';

const WORKER = [process.execPath, 'clients/scenarios/worker.mjs'] as const;

/** What only a worker has whose handlers share an event loop with its heartbeats. */
const SCENARIOS: readonly Scenario[] = [
  {
    name: 'lets a task go whose handler blocks for longer than its timeout',
    worker: { lease: 3, abandon_after: 1 },
    steps: [
      { enqueue: { eval_id: 'a', code: 'block 9', timeout: 1 } },
      { start: {} },
      { event: { event: 'claimed', id: 'a' } },
      // Not by its report, which would spend a failure: the handler still blocks.
      { until: { id: 'a', status: 'queued', interruptions: 1 } },
      { claim: 'a' },
      { signal: 'SIGTERM' },
      { event: { event: 'lost', id: 'a' } },
      { exit: 0 },
      { until: { id: 'a', status: 'processing', worker_id: 'another', failures: 0 } },
    ],
  },
  {
    name: 'bears a cancel that comes while a handler blocks, and takes the next task',
    worker: { lease: 4 },
    steps: [
      { enqueue: { eval_id: 'a', code: 'block 6' } },
      { start: {} },
      { event: { event: 'claimed', id: 'a' } },
      { cancel: 'a' },
      { enqueue: { eval_id: 'b', code: 'return' } },
      // The handler has ended by then: there is nothing left to stop.
      { event: { event: 'lost', id: 'a', code: 'lease_lost' } },
      { event: { event: 'completed', id: 'b' } },
      { signal: 'SIGTERM' },
      { exit: 0 },
      { attempts: { id: 'a', outcomes: ['cancelled'] } },
    ],
  },
];

describe('the thread that stands in for a blocked event loop', () => {
  let directory: string;
  let stage: ScenarioStage;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-thread-'));
    stage = await ScenarioStage.open(WORKER, directory);
  });

  afterAll(async () => {
    await stage.close();
    rmSync(directory, { recursive: true });
  });

  it.each(SCENARIOS)(
    '$name',
    async (scenario) => {
      await stage.play(scenario);
      // Every step has come true, or it would have thrown.
      expect(scenario.steps.length).toBeGreaterThan(0);
    },
    120_000,
  );
});
