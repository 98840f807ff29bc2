import { loadConfig } from '../../../src/config/config.js';
import { openParking } from '../../../src/queue/parking.module.js';
import { DepthGate } from '../../../src/queue/depth-gate.js';
import { FinishWaiters } from '../../../src/queue/finish-waiters.js';
import { QueueService } from '../../../src/queue/queue.service.js';
import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { create } from '../../../src/task/task.machine.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

/** Somebody clears all tasks between a write and the question for the position. */
class ClearedStore extends ReferenceStore {
  constructor(...args: ConstructorParameters<typeof ReferenceStore>) {
    super(...args);
    const position = this.views.position.bind(this.views);
    this.views.position = async (task) => {
      await this.clear({});
      return position(task);
    };
  }
}

describe('an enqueue whose task is cleared before it is answered', () => {
  const store = new ClearedStore(new FakeClock(), ROOMY);
  const gate = new DepthGate(store, new SettingsCache(store));
  const queue = new QueueService(store, new FinishWaiters(store, openParking(loadConfig({}))), gate);
  const draft = { spec: spec({ id: 'a' }), payload: '"code":"a"' };

  it('is answered as what it was: accepted', async () => {
    const { task, position, isReplay } = await queue.enqueue(draft);
    expect([task.spec.id, task.state, position, isReplay]).toEqual(['a', 'queued', undefined, false]);
  });

  it('is accepted among others, too', async () => {
    const results = await queue.enqueueAll([draft, { ...draft, spec: spec({ id: 'b' }) }]);
    expect(results).toMatchObject([{ task: { state: 'queued' } }, { task: { state: 'queued' } }]);
  });

  it('is answered as a repetition when it was one', async () => {
    await store.insert([{ transition: create(draft.spec, store.clock.now()), payload: draft.payload }]);
    await expect(queue.enqueue(draft)).resolves.toMatchObject({ isReplay: true, position: undefined });
  });
});
