import { setImmediate as nextTurn } from 'node:timers/promises';
import { ANYONE } from '../../../src/auth/principal.js';
import { QueueHolds } from '../../../src/dashboard/queue-holds.js';
import { QueuesPage } from '../../../src/dashboard/pages/queues.page.js';
import { QueueAdminService } from '../../../src/queue-admin/queue-admin.service.js';
import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { StatusService } from '../../../src/queue/status.service.js';
import { create } from '../../../src/task/task.machine.js';
import { DistantStore } from '../../support/distant-store.js';
import { spec } from '../../support/task.builders.js';

const NONE = { delayed: 0, processing: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 };
/** More than a call takes arguments. */
const QUEUES = 200_000;

/** A store with so many queues of one task each; the tasks are of different ages. */
function crowded(count: number): { readonly store: DistantStore } {
  const store = new DistantStore();
  const queues = Array.from({ length: count }, (_, index) => ({
    queue: `q${index}`,
    counts: { ...NONE, queued: 1 },
    oldestQueuedAt: store.clock.now().wall - index,
  }));
  store.views.counts = async () => queues;
  return { store };
}

describe('the status', () => {
  it('counts any number of queues', async () => {
    const { store } = crowded(QUEUES);
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
    expect(JSON.parse(Buffer.concat(await status.text(isVisible)).toString())).toEqual(
      await status.read(isVisible),
    );
    await insert('more', 'a');
    expect(JSON.parse(Buffer.concat(await status.text(isVisible)).toString())).toEqual(
      await status.read(isVisible),
    );
    expect(JSON.parse(Buffer.concat(await status.text(() => false)).toString())).toMatchObject({
      total_tasks: 0,
      queues: {},
    });
  });

  it('is read in parts, so that other requests have turns in between', async () => {
    const { store } = crowded(20_000);
    const service = new StatusService(store);
    for (const read of [() => service.text(() => true), () => service.readTotals(() => true)]) {
      let [turns, isDone] = [0, false];
      void read().finally(() => (isDone = true));
      for (; !isDone; turns += 1) await nextTurn();
      expect(turns).toBeGreaterThanOrEqual(20);
    }
  });

  it('has the first queues by name for a page, and the totals of all that may be seen', async () => {
    const { store } = crowded(5_000);
    const extract = await new StatusService(store).extract((queue) => queue !== 'q10', 3);
    expect(extract.queues.map(({ queue }) => queue)).toEqual(['q0', 'q1', 'q100']);
    expect(extract).toMatchObject({ totals: { queued: 4_999, total_tasks: 4_999 }, more: 4_996 });
    expect(extract.queues[1]).toEqual({ queue: 'q1', ...NONE, queued: 1, oldest_queued_age: 0.001 });
  });

  it('of one queue is undefined without tasks', async () => {
    const { store } = crowded(2);
    const service = new StatusService(store);
    expect(await service.readQueue('q1')).toMatchObject({ queued: 1, oldest_queued_age: 0.001 });
    expect(await service.readQueue('none')).toBeUndefined();
  });
});

describe('the list of queues', () => {
  it('has tasks and settings of all that may be seen, by name, and is made in parts', async () => {
    const { store } = crowded(12_000);
    await store.settings.change('q7', { paused: true });
    await store.settings.change('only-settings', { maxDepth: 5 });
    await store.settings.change('unseen', { maxDepth: 5 });
    const service = new QueueAdminService(store, new SettingsCache(store));
    let [turns, isDone] = [0, false];
    const reading = service.list((queue) => queue !== 'unseen').finally(() => (isDone = true));
    for (; !isDone; turns += 1) await nextTurn();
    const queues = await reading;
    expect(turns).toBeGreaterThanOrEqual(36);
    const names = queues.map(({ queue }) => queue);
    expect(names).toEqual(names.toSorted());
    expect(names).toHaveLength(12_001);
    const named = (name: string) => queues.find(({ queue }) => queue === name);
    expect(named('q7')).toMatchObject({ settings: { paused: true }, stats: { ready: 1 } });
    expect(named('only-settings')).toMatchObject({ settings: { maxDepth: 5 }, stats: { backlog: 0 } });
  });
});

describe('the page of queues', () => {
  it('shows the first ones, and the number of the others', async () => {
    const { store } = crowded(5_000);
    const queues = new QueueAdminService(store, new SettingsCache(store));
    const holds = new QueueHolds(store, { list: () => Promise.resolve([]) }, store.clock);
    const text = String(await new QueuesPage(queues, holds, store.clock).page(ANYONE).live?.());
    expect(text.match(/href="\/dashboard\/queues\/q\d+"/g)).toHaveLength(500);
    expect(text).toMatch(/And 4[ ,.\u202f\u2009]?500 more/);
  });
});
