import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from '../support/service-process.js';
import { BAD_ANSWERS } from './bad-answers.js';
import { finishWithCrew, RUNTIMES, tasksOf } from './chaos.crew.js';

/** The shell worker starts a dozen processes for each task. */
const TASKS = { typescript: 60, python: 60, command: 60, shell: 16 } as const;

describe('workers behind a proxy that answers badly', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-chaos-'));
  let service: ServiceProcess;

  beforeAll(async () => {
    service = await ServiceProcess.start({ DATA_DIR: directory });
  });

  afterAll(async () => {
    await service.stop();
    rmSync(directory, { recursive: true });
  });

  it('finish every task once, hold nothing at the end, and do not flood the service', async () => {
    const members = BAD_ANSWERS.filter(({ isSlow }) => isSlow !== true);
    const common = { url: service.url, workers: 2, concurrency: 3, lease: 9, members, every: 3 };
    const reports = await Promise.all(
      RUNTIMES.map((runtime) => finishWithCrew({ ...common, runtime, tasks: tasksOf(TASKS[runtime]) })),
    );
    for (const [index, report] of reports.entries()) {
      const name = RUNTIMES[index];
      expect({ name, ...report }).toMatchObject({ name, wrong: [], brokenWorkers: [], heldAtTheEnd: 0 });
      // One of the two workers may come by seldom; a run without bad answers would show nothing.
      expect(report.traffic.reduce((sum, { bad }) => sum + bad, 0)).toBeGreaterThan(0);
      for (const { repeatsPerSecond } of report.traffic) {
        expect(repeatsPerSecond).toBeLessThanOrEqual(2);
      }
    }
  }, 180_000);
});
