/** `npm run test:fleet`: 1000 tasks, four kinds of workers, and a kill after every 25 tasks; prints what came of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyWithFleet, type FleetReport } from '../support/worker.fleet.js';
import { Service } from './service.js';

const TASKS = 1000;
const KILLS = 40;

const directory = mkdtempSync(join(tmpdir(), 'crucible-fleet-'));
const service = await Service.start({ directory, env: { LEASE_GRACE_SECONDS: '1' } });
try {
  const report = await emptyWithFleet({ url: service.url, tasks: TASKS, kills: KILLS });
  console.log(JSON.stringify(report));
  const broken = brokenBy(report);
  for (const promise of broken) console.log(`Broken: ${promise}`);
  if (broken.length > 0) process.exitCode = 1;
} finally {
  await service.stop();
  rmSync(directory, { recursive: true });
}

/** What did not come true, or makes the run worth nothing. */
function brokenBy({ completed, wrong, killed, lost, idle }: FleetReport): string[] {
  const promises: readonly (readonly [boolean, string])[] = [
    [completed === TASKS, `${TASKS} tasks are completed`],
    [wrong.length === 0, `each is completed once, not so: ${wrong.join(', ')}`],
    [killed > KILLS / 2, `most of ${KILLS} kills come before the end, not ${killed}`],
    [lost > 0, 'a kill costs a worker its task'],
    [idle.length === 0, `every kind of worker takes part, not so: ${idle.join(', ')}`],
  ];
  return promises.filter(([isKept]) => !isKept).map(([, promise]) => promise);
}
