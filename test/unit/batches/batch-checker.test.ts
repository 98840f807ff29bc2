import { loadConfig } from '../../../src/config/config.js';
import { BatchEvents } from '../../../src/batches/batch-events.js';
import { BatchService } from '../../../src/batches/batch.service.js';
import { BatchStore } from '../../../src/batches/batch-store.js';
import { BatchSweeper } from '../../../src/batches/batch-sweeper.js';
import { BatchChecker } from '../../../src/batches/batch-checker.js';
import { openParking } from '../../../src/queue/parking.module.js';
import { TaskChanger } from '../../../src/queue/task-changer.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { DistantStore } from '../../support/distant-store.js';
import { PATIENT } from '../../support/patient.caller.js';

const CONFIG = loadConfig({});

function processAt(store: DistantStore) {
  const batches = new BatchStore(store.documents);
  const service = new BatchService(store, batches, new TaskChanger(store), new BatchEvents());
  const checker = new BatchChecker(store, service, openParking(CONFIG));
  return { batches, checker, sweeper: new BatchSweeper(batches, service, store.clock, CONFIG) };
}

describe('a read that waits for a batch', () => {
  it('is told at once that the store is away, also when it is parked after that', async () => {
    const store = new DistantStore();
    const { checker } = processAt(store);
    store.goAway();
    await expect(checker.untilDone('b', { wait: 3_600 }, PATIENT)).rejects.toThrow(StoreUnavailable);
    expect(checker.size).toBe(0);
    await checker.onApplicationShutdown();
  });
});

describe('a sweep of batches', () => {
  it('goes on behind a batch that cannot be looked at', async () => {
    const store = new DistantStore();
    const { batches, sweeper } = processAt(store);
    await batches.put({ id: 'old', createdAt: 0, queues: ['default'] }, 0);
    await store.documents.put('batch', { id: 'broken', text: '{"id":"broken","queues":7}', expected: 0 });
    store.clock.advanceSeconds(CONFIG.RETENTION_SECONDS + 1);
    await sweeper.sweep();
    expect((await batches.find('old')).batch).toBeUndefined();
  });
});
