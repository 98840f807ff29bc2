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
    await store.settings.change('default', { maxConcurrency: 2 });
    expect(calls).toEqual([
      ['moved', [{ id: 'a', queue: 'default', state: 'queued' }]],
      ['loosened', 'default'],
    ]);
  });

  it('still list tasks and change settings', async () => {
    const store = new ReferenceStore(new FakeClock(0), ROOMY);
    const task = create(spec({ id: 'a', batchId: 'b' }), store.clock.now());
    await store.insert([{ transition: task, payload: '' }]);
    await store.configure('default', { maxDepth: 9 });
    expect(await store.list({ limit: 9 })).toEqual(await store.views.list({ limit: 9 }));
    expect(await store.counts()).toEqual(await store.views.counts());
    expect(await store.countQueue('default')).toMatchObject({ counts: { queued: 1 } });
    expect(await store.countBatch('b')).toMatchObject([{ queue: 'default', counts: { queued: 1 } }]);
    expect(await store.totals()).toEqual({ queued: 1, all: 1 });
    expect(await store.depth('default')).toBe(1);
    expect(await store.position(task.task)).toBe(1);
    expect(await store.settingsOf('default')).toEqual({ maxDepth: 9 });
    expect(await store.configured()).toEqual([{ queue: 'default', settings: { maxDepth: 9 } }]);
    expect(await store.untilAllowed('default')).toBe(0);
    expect(store.hearsOthers).toBe(store.receivesEveryProcess);
  });
});
