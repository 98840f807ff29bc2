import { RedisTaskStore } from '../../src/storage/redis/redis-task-store.js';
import { connectRedis, disconnectRedis, parseRedisUrl } from '../../src/redis/redis-connection.js';
import { RedisServer } from '../support/redis-server.js';
import { type OpenStore, ROOMY } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';
import { describeStoreModel } from './store.model.js';
import { describeTaskStore } from './task-store.contract.js';

let server: RedisServer;
let stores = 0;

beforeAll(async () => {
  server = await RedisServer.start();
});

afterAll(async () => {
  await server.stop();
});

const openRedis: OpenStore = async ({ settings }) => {
  stores += 1;
  const keyPrefix = `test-${stores}`;
  const clock = new FakeClock();
  const openStore = async () => {
    const client = connectRedis(parseRedisUrl(server.url));
    await new Promise((resolve) => client.once('ready', resolve));
    const subscriber = client.duplicate();
    const close = async () => {
      await Promise.all([client, subscriber].map(disconnectRedis));
    };
    const openSubscriber = () => subscriber;
    const onChange = () => undefined;
    const link = { client, isAvailable: true, isCluster: false, openSubscriber, onChange, close };
    return RedisTaskStore.open({
      link,
      keyPrefix,
      clock,
      settings: { ...ROOMY, ...settings },
      events: { channelPrefix: keyPrefix, streamLength: 1_000 },
      replicas: 0,
      limitMs: 2_000,
    });
  };
  let store = await openStore();
  return {
    clock,
    get store() {
      return store;
    },
    async reopen() {
      await store.close();
      store = await openStore();
      return store;
    },
    async destroy() {
      await store.close();
    },
  };
};

describeTaskStore('redis', openRedis);
describeStoreModel('redis', openRedis);
