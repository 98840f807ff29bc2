import { describeStoreModel } from '../../../contract/store.model.js';
import { openRedisStore } from '../../../support/redis-store.js';
import { harnessOf, type OpenStore } from '../../../support/store-harness.js';
import { FakeClock } from '../../../support/task.builders.js';
import { AlternatingStore } from './alternating.store.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
let runs = 0;

const openTwo: OpenStore = async ({ settings }) => {
  runs += 1;
  const clock = new FakeClock();
  const choices = { keyPrefix: `model-${runs}`, clock, settings, url: site.server.url };
  const openBoth = async () =>
    new AlternatingStore(await Promise.all([openRedisStore(choices), openRedisStore(choices)]));
  return harnessOf({ clock, open: openBoth });
};

describeStoreModel('redis, each call by another of two instances', openTwo);
