import { create } from '../../../src/task/task.machine.js';
import type { StoreWatcher } from '../../../src/storage/former-names.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

describe('the former names of the port', () => {
  it('still register the watcher of an extension', async () => {
    const store = new ReferenceStore(new FakeClock(0), ROOMY);
    const calls: unknown[] = [];
    const watcher: StoreWatcher = {
      moved: (transitions) => calls.push(['moved', transitions]),
      loosened: (queue) => calls.push(['loosened', queue]),
      disturbed: () => calls.push(['disturbed']),
    };
    store.watch(watcher);
    await store.insert([{ transition: create(spec({ id: 'a' }), store.clock.now()), payload: '' }]);
    await store.configure('default', { maxConcurrency: 2 });
    expect(calls).toEqual([
      ['moved', [{ id: 'a', queue: 'default', state: 'queued' }]],
      ['loosened', 'default'],
    ]);
  });
});
