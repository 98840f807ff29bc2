import { StatusService } from '../../../src/queue/status.service.js';
import { DistantStore } from '../../support/distant-store.js';

const NONE = { delayed: 0, processing: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 };
/** More than a call takes arguments. */
const QUEUES = 200_000;

describe('the status', () => {
  it('counts any number of queues', async () => {
    const store = new DistantStore();
    const queues = Array.from({ length: QUEUES }, (_, index) => ({
      queue: `q${index}`,
      counts: { ...NONE, queued: 1 },
      oldestQueuedAt: store.clock.now().wall - index,
    }));
    store.counts = async () => queues;
    const status = await new StatusService(store).read();
    expect(status).toMatchObject({ queued: QUEUES, oldest_queued_age: (QUEUES - 1) / 1000 });
  });
});
