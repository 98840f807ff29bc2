import { StatusService } from '../../../src/queue/status.service.js';
import { create } from '../../../src/task/task.machine.js';
import { DistantStore } from '../../support/distant-store.js';
import { spec } from '../../support/task.builders.js';

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

  it('is the same as a text, for whoever may see which queues', async () => {
    const store = new DistantStore();
    const { clock } = store;
    const insert = (id: string, queue: string) =>
      store.insert([{ transition: create(spec({ id, queue }), clock.now()), payload: '' }]);
    for (const queue of ['a', 'b', '1']) await insert(`in-${queue}`, queue);
    clock.advance(1_500);
    const status = new StatusService(store);
    const isVisible = (queue: string) => queue !== 'b';
    expect(JSON.parse(await status.text(isVisible))).toEqual(await status.read(isVisible));
    await insert('more', 'a');
    expect(JSON.parse(await status.text(isVisible))).toEqual(await status.read(isVisible));
    expect(JSON.parse(await status.text(() => false))).toMatchObject({ total_tasks: 0, queues: {} });
  });
});
