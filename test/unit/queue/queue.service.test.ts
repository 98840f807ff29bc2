import { loadConfig } from '../../../src/config/config.js';
import { DepthGate } from '../../../src/queue/depth-gate.js';
import { FinishWatch } from '../../../src/queue/finish-watch.js';
import { QueueService } from '../../../src/queue/queue.service.js';
import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

/** A store that another process clears before it tells of a place. */
class ClearedStore extends ReferenceStore {
  override async position(task: Parameters<ReferenceStore['position']>[0]): Promise<number | undefined> {
    await this.clear({});
    return super.position(task);
  }
}

describe('an enqueue', () => {
  it('is acknowledged when the tasks are gone before their places are told', async () => {
    const store = new ClearedStore(new FakeClock(), ROOMY);
    const gate = new DepthGate(store, new SettingsCache(store));
    const service = new QueueService(store, new FinishWatch(store, loadConfig({})), gate);
    const drafts = ['a', 'b'].map((id) => ({ spec: spec({ id }), payload: '' }));
    const results = await service.enqueueAll(drafts);
    expect(results).toMatchObject(
      drafts.map(({ spec: { id } }) => ({ task: { spec: { id } }, isReplay: false })),
    );
  });
});
