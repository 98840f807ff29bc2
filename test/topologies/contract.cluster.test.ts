import { describeTaskFlow, describeTaskStore } from '../contract/task-store.contract.js';
import { CALM_NODE_TIMEOUT_MS, RedisCluster } from '../support/redis-cluster.js';
import { openRedisStore } from '../support/redis-store.js';
import { harnessOf, type OpenStore } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';

/** On a busy machine, with calls of many thousands of tasks. */
const PATIENCE = { timeoutMs: 30_000 };
let cluster: RedisCluster;
let stores = 0;

beforeAll(async () => {
  cluster = await RedisCluster.start({ nodeTimeoutMs: CALM_NODE_TIMEOUT_MS });
}, 60_000);

afterAll(async () => {
  await cluster.stop();
});

const open: OpenStore = async ({ settings }) => {
  stores += 1;
  const choices = { keyPrefix: `test-${stores}`, clock: new FakeClock(), settings, url: cluster.url };
  return harnessOf({
    clock: choices.clock,
    open: () => openRedisStore({ ...choices, ...PATIENCE }),
  });
};

describeTaskStore('redis, in a Cluster', open);
describeTaskFlow('redis, in a Cluster', open);
