/** `npm run test:fleet`: 1000 tasks, four kinds of workers, and a kill after every 25 tasks; prints what came of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyWithFleet } from '../support/worker.fleet.js';
import { Service } from './service.js';

const TASKS = 1000;
const KILLS = 40;

const directory = mkdtempSync(join(tmpdir(), 'crucible-fleet-'));
const service = await Service.start({ directory, env: { LEASE_GRACE_SECONDS: '1' } });
try {
  const report = await emptyWithFleet({ url: service.url, tasks: TASKS, kills: KILLS });
  console.log(JSON.stringify(report));
  if (report.completed !== TASKS || report.wrong.length > 0) process.exitCode = 1;
} finally {
  await service.stop();
  rmSync(directory, { recursive: true });
}
