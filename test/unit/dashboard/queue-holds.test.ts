import { QueueHolds } from '../../../src/dashboard/queue-holds.js';
import type { QueueSettings } from '../../../src/task/queue-settings.js';
import type { TaskStore } from '../../../src/storage/task-store.js';
import type { KnownWorker } from '../../../src/workers/worker.service.js';
import { FakeClock } from '../../support/task.builders.js';

const clock = new FakeClock();
const store = {
  clock,
  settings: { untilAllowed: () => Promise.resolve(0) },
  views: { list: () => Promise.resolve({ tasks: [] }) },
} as unknown as TaskStore;

const worker = (more: Partial<KnownWorker> = {}) =>
  ({
    id: 'w',
    state: 'idle',
    queues: ['gpu'],
    isDraining: false,
    quarantine: undefined,
    ...more,
  }) as KnownWorker;
const quarantined = worker({ isDraining: true, quarantine: { since: 0, reason: 'five interruptions' } });

async function reasons(workers: readonly KnownWorker[], settings: QueueSettings = {}) {
  const holds = new QueueHolds(store, { list: () => Promise.resolve(workers) }, clock);
  return (await holds.of([{ queue: 'gpu', queued: 1, processing: 0, settings }])).get('gpu');
}

describe('what holds a queue back', () => {
  it('is nothing while a worker claims', async () => {
    expect(await reasons([worker(), quarantined])).toBeUndefined();
  });

  it('is an outage, which lets one task through a second', async () => {
    const outage = { since: 1, foundAt: 2 };
    expect(await reasons([worker()], { outage })).toEqual(['outage: one task a second']);
  });

  it('names workers that are draining, and those that are quarantined', async () => {
    const draining = worker({ isDraining: true });
    expect(await reasons([draining])).toEqual(['all its workers are draining']);
    expect(await reasons([quarantined])).toEqual(['all its workers are quarantined']);
    expect(await reasons([draining, quarantined])).toEqual([
      'all its workers are draining, 1 of them in quarantine',
    ]);
    expect(await reasons([])).toEqual(['no worker with a name claims from it']);
  });
});
