import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from '../support/service-process.js';
import { emptyWithFleet } from '../support/worker.fleet.js';

describe('a fleet of four kinds of workers', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-fleet-'));
  let service: ServiceProcess;

  beforeAll(async () => {
    service = await ServiceProcess.start({ DATA_DIR: directory, LEASE_GRACE_SECONDS: '1' });
  });

  afterAll(async () => {
    await service.stop();
    rmSync(directory, { recursive: true });
  });

  it('finishes every task once, although some of them are killed', async () => {
    const report = await emptyWithFleet({ url: service.url, tasks: 80, kills: 4 });
    expect(report).toMatchObject({ completed: 80, wrong: [], idle: [] });
    expect(report.killed).toBeGreaterThan(0);
  }, 120_000);
});
