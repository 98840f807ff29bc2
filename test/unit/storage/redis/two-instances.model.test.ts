import { describeStoreModel } from '../../../contract/store.model.js';
import { openRedisStore } from '../../../support/redis-store.js';
import type { OpenStore } from '../../../support/store-harness.js';
import { FakeClock } from '../../../support/task.builders.js';
import { AlternatingStore } from './alternating.store.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
let runs = 0;

const openTwo: OpenStore = async ({ settings }) => {
  runs += 1;
  const choices = { keyPrefix: `model-${runs}`, clock: new FakeClock(), settings, url: site.server.url };
  const openBoth = async () =>
    new AlternatingStore(await Promise.all([openRedisStore(choices), openRedisStore(choices)]));
  let store = await openBoth();
  return {
    clock: choices.clock,
    get store() {
      return store;
    },
    async reopen() {
      await store.close();
      store = await openBoth();
      return store;
    },
    destroy: () => store.close(),
  };
};

describeStoreModel('redis, each call by another of two instances', openTwo);
