import { judgeAt } from '../../support/outage-judge.js';
import { loadConfig } from '../../../src/config/config.js';
import { TaskChanger } from '../../../src/queue/task-changer.js';
import { WorkService } from '../../../src/queue/work.service.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { LeaseLost, TaskNotFound } from '../../../src/task/task.errors.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock } from '../../support/task.builders.js';

/** Another process clears, and this one has not heard of it yet. */
class DeafStore extends ReferenceStore {
  latest: () => Promise<number> = () => Promise.resolve(1);

  override get generation(): number {
    return 0;
  }

  override latestGeneration(): Promise<number> {
    return this.latest();
  }
}

const LEASE = `0-${'a'.repeat(24)}${'b'.repeat(16)}`;
const anybody = () => undefined;

describe('a report on a task that another process has just cleared', () => {
  const store = new DeafStore(new FakeClock(), ROOMY);
  const work = new WorkService(store, new TaskChanger(store), loadConfig({}), judgeAt(store));

  beforeEach(() => {
    store.latest = () => Promise.resolve(1);
  });

  it.each([
    ['finish', () => work.finish('a', { status: 'completed', leaseId: LEASE, output: undefined }, anybody)],
    ['heartbeat', () => work.heartbeat('a', { leaseId: LEASE }, anybody)],
    ['release', () => work.release('a', { leaseId: LEASE }, anybody)],
    [
      'finishAll',
      async () => {
        const [result] = await work.finishAll(
          [{ id: 'a', status: 'completed', leaseId: LEASE, output: undefined }],
          anybody,
        );
        if (result?.status === 'rejected') throw result.reason;
      },
    ],
  ])('is told that it was cleared: %s', async (_, report) => {
    await expect(report()).rejects.toBeInstanceOf(LeaseLost);
    await expect(report()).rejects.toMatchObject({ reason: 'cleared' });
  });

  it('gets 404 without a clear, or when the store is unavailable', async () => {
    store.latest = () => Promise.resolve(0);
    await expect(work.heartbeat('a', { leaseId: LEASE }, anybody)).rejects.toBeInstanceOf(TaskNotFound);
    store.latest = () => Promise.reject(new StoreUnavailable('away', false));
    await expect(work.heartbeat('a', { leaseId: LEASE }, anybody)).rejects.toBeInstanceOf(TaskNotFound);
  });
});
