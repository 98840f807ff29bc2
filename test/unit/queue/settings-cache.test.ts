import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock } from '../../support/task.builders.js';

/** A store that reads settings at once, and answers when it is let. */
class SlowStore extends ReferenceStore {
  readonly answers: (() => void)[] = [];
  isBroken = false;

  constructor(...args: ConstructorParameters<typeof ReferenceStore>) {
    super(...args);
    const all = this.settings.all.bind(this.settings);
    this.settings.all = async () => {
      if (this.isBroken) throw new Error('away');
      const configured = await all();
      await new Promise<void>((resolve) => {
        this.answers.push(resolve);
      });
      return configured;
    };
  }

  /** Answers all that is read until nobody reads any more, the latest question first. */
  async answerAll(done: Promise<unknown>): Promise<void> {
    let isOver = false;
    void done.then(() => {
      isOver = true;
    });
    while (!isOver) {
      this.answers.pop()?.();
      await new Promise(setImmediate);
    }
  }
}

let store: SlowStore;
let cache: SettingsCache;

beforeEach(() => {
  store = new SlowStore(new FakeClock(), ROOMY);
  cache = new SettingsCache(store);
});

describe('the settings a process knows', () => {
  it('are the latest, however the answers about two changes come in', async () => {
    await store.settings.change('default', { maxDepth: 1 });
    await store.settings.change('default', { maxDepth: 2 });
    await store.answerAll(Promise.resolve(cache.known()));
    expect(cache.of('default')).toEqual({ maxDepth: 2 });
    expect(cache.known()).toBeUndefined();
  });

  it('are read again by the next who asks when they could not be read', async () => {
    store.isBroken = true;
    await store.settings.change('default', { maxDepth: 1 });
    await cache.known();
    expect(cache.of('default')).toEqual({});
    store.isBroken = false;
    await store.answerAll(Promise.resolve(cache.known()));
    expect(cache.of('default')).toEqual({ maxDepth: 1 });
  });

  it.each([1, 2, 3, 4, 5, 6])(
    'are read again when they change %s steps after an answer came',
    async (steps) => {
      let reads = 0;
      const change = (left: number) => {
        if (left > 0) queueMicrotask(() => change(left - 1));
        else void store.settings.change('default', {});
      };
      store.settings.all = async () => {
        reads += 1;
        if (reads > 1) return [{ queue: 'default', settings: { maxDepth: 2 } }];
        change(steps);
        return [];
      };
      await cache.known();
      await new Promise(setImmediate);
      expect(cache.of('default')).toEqual({ maxDepth: 2 });
    },
  );

  it('forget a queue for which nothing is set any more', async () => {
    await store.settings.change('default', { maxDepth: 1 });
    await store.answerAll(Promise.resolve(cache.known()));
    await store.settings.change('default', { maxDepth: null });
    await store.answerAll(cache.refresh());
    expect(cache.of('default')).toEqual({});
  });
});
