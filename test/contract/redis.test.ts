import { RedisServer } from '../support/redis-server.js';
import { openRedisStore, type RedisStoreChoices } from '../support/redis-store.js';
import { harnessOf, type OpenStore } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';
import { describeStoreModel } from './store.model.js';
import { describeTaskFlow, describeTaskOutbox, describeTaskStore } from './task-store.contract.js';

let server: RedisServer;
let stores = 0;

beforeAll(async () => {
  server = await RedisServer.start();
});

afterAll(async () => {
  await server.stop();
});

/** Every clear makes a mark, and what it has taken stays there: nothing may ever see it. */
const MARKED = { atOnce: 0, isReclaiming: false };

const openIn =
  (isCluster: boolean, clears?: RedisStoreChoices['clears']): OpenStore =>
  async ({ settings }) => {
    stores += 1;
    const keyPrefix = `test-${stores}`;
    const clock = new FakeClock();
    const open = () => openRedisStore({ url: server.url, keyPrefix, clock, settings, isCluster, clears });
    return harnessOf({ clock, open });
  };

describeTaskStore('redis', openIn(false));
describeTaskFlow('redis', openIn(false));
describeTaskFlow('redis, by the ways of a Cluster, among cleared tasks', openIn(true, MARKED));
describeTaskStore('redis, by the ways of a Cluster, among cleared tasks', openIn(true, MARKED));
describeTaskOutbox('redis', openIn(false));
describeTaskOutbox('redis, by the ways of a Cluster', openIn(true));
describeStoreModel('redis', openIn(false, MARKED));
