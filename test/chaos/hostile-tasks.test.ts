import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from '../support/service-process.js';
import { type ChaosTask, finishWithCrew } from './chaos.crew.js';
import { hostileTasks } from './hostile-tasks.js';

/** The short version takes every so many of them; `npm run test:chaos -- --hostile` takes all. */
const STEP = 4;
const QUIET = { members: [], every: Number.MAX_SAFE_INTEGER };

type Ends = ChaosTask['ends'];

describe('a worker with hostile tasks', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-hostile-'));
  let service: ServiceProcess;

  beforeAll(async () => {
    service = await ServiceProcess.start({ DATA_DIR: directory });
  });

  afterAll(async () => {
    await service.stop();
    rmSync(directory, { recursive: true });
  });

  it.each([
    ['typescript', process.execPath, 'test/chaos/handlers.mjs'],
    ['python', 'python3', 'test/chaos/handlers.py'],
  ] as const)(
    'goes on in %s whatever its handlers return and throw',
    async (runtime, command, script) => {
      const ends = JSON.parse(execFileSync(command, [script, '--list'], { encoding: 'utf8' })) as Ends[];
      const tasks = ends.map((each, index) => ({ code: String(index), ends: each }));
      const options = { url: service.url, workers: 1, concurrency: 4, lease: 30, tasks, ...QUIET };
      const report = await finishWithCrew({ ...options, runtime, program: [command, script] });
      expect(ends.length).toBeGreaterThan(40);
      expect(report).toMatchObject({ wrong: [], brokenWorkers: [], heldAtTheEnd: 0, extraAttempts: 0 });
    },
    120_000,
  );

  it('goes on in the command whatever the code of a task does, and harms no other task', async () => {
    const all = hostileTasks();
    expect(all.length).toBeGreaterThanOrEqual(200);
    const tasks = all.filter((_, index) => index % STEP === 0);
    const options = { url: service.url, workers: 1, concurrency: 4, lease: 30, tasks, ...QUIET };
    const report = await finishWithCrew({ ...options, runtime: 'command' });
    expect(report).toMatchObject({ wrong: [], brokenWorkers: [], heldAtTheEnd: 0, extraAttempts: 0 });
  }, 120_000);
});
