import { HealthService } from '../../../src/health/health.service.js';
import { StoreEvents } from '../../../src/events/store-events.js';
import { TaskEvents } from '../../../src/events/task-events.js';
import { create } from '../../../src/task/task.machine.js';
import { DistantStore } from '../../support/distant-store.js';
import { spec } from '../../support/task.builders.js';

class NoEvents extends TaskEvents {
  readonly status = 'disconnected';
  readonly counters = { published: 0, lost: 0 };
  readonly waiting = 0;

  publish(): void {}

  async close(): Promise<void> {}
}

/** A store whose commit has failed: nothing but a restart helps. */
class FailingStore extends DistantStore {
  fail: () => void = () => undefined;
  override readonly failure = new Promise<Error>((resolve) => {
    this.fail = () => resolve(new Error('A commit failed'));
  });
}

let store: FailingStore;
let health: HealthService;

beforeEach(async () => {
  store = new FailingStore();
  health = new HealthService(new NoEvents(), store);
  await store.insert([{ transition: create(spec(), store.clock.now()), payload: '' }]);
});

async function expectHealthy(): Promise<void> {
  expect(health.isReady).toBe(true);
  expect(await health.read()).toMatchObject({ status: 'healthy', queue_size: 1, total_tasks: 1 });
}

async function expectUnhealthy(): Promise<void> {
  expect(health.isReady).toBe(false);
  expect(await health.read()).toMatchObject({ status: 'unhealthy', queue_size: null, total_tasks: null });
}

describe('the health of the service', () => {
  it('goes and comes with the store', async () => {
    await expectHealthy();
    store.goAway();
    await expectUnhealthy();
    store.comeBack();
    await expectHealthy();
  });

  it('is told without asking a store that is away', async () => {
    store.goAway();
    store.views.counts = () => Promise.reject(new Error('It was asked'));
    await expectUnhealthy();
  });

  it('is told when the store goes away before it has answered, and never waits for it', async () => {
    store.holdAnswers();
    const reading = health.read();
    store.goAway();
    expect((await reading).status).toBe('unhealthy');
  });

  it('waits for a store that was only disturbed', async () => {
    const release = store.holdAnswers();
    const reading = health.read();
    store.disturb();
    release();
    expect((await reading).status).toBe('healthy');
  });

  it('is bad when the answer is that the store is away', async () => {
    const reading = health.read();
    store.goAway();
    expect((await reading).status).toBe('unhealthy');
  });

  it('does not come back after a failure', async () => {
    store.fail();
    await store.failure;
    await expectUnhealthy();
    store.disturb();
    await expectUnhealthy();
  });

  it('says that Redis is disconnected when this process hears nothing of the others, and is healthy', async () => {
    const events = new StoreEvents(store);
    Object.defineProperty(store, 'publishesEvents', { value: true });
    health = new HealthService(events, store);
    expect(await health.read()).toMatchObject({ status: 'healthy', redis: 'connected' });
    Object.defineProperty(store, 'receivesEveryProcess', { value: false });
    expect(await health.read()).toMatchObject({ status: 'healthy', redis: 'disconnected' });
    expect(health.isReady).toBe(true);
  });

  it('says not ready, and healthy, while the service stops', async () => {
    health.onModuleDestroy();
    expect(health.isReady).toBe(false);
    expect((await health.read()).status).toBe('healthy');
  });
});
