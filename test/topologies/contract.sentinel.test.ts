import { describeTaskFlow, describeTaskStore } from '../contract/task-store.contract.js';
import { CALM_DOWN_AFTER_MS, RedisSentinel } from '../support/redis-sentinel.js';
import { openRedisStore } from '../support/redis-store.js';
import { harnessOf, type OpenStore } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';

/** On a busy machine, with calls of many thousands of tasks. */
const PATIENCE = { limitMs: 20_000, timeoutMs: 30_000 };
let sentinel: RedisSentinel;
let stores = 0;

beforeAll(async () => {
  sentinel = await RedisSentinel.start({ downAfterMs: CALM_DOWN_AFTER_MS });
}, 60_000);

afterAll(async () => {
  await sentinel.stop();
});

const open: OpenStore = async ({ settings }) => {
  stores += 1;
  const choices = { keyPrefix: `test-${stores}`, clock: new FakeClock(), settings, url: sentinel.url };
  return harnessOf({
    clock: choices.clock,
    open: () => openRedisStore({ ...choices, replicas: 1, ...PATIENCE }),
  });
};

describeTaskStore('redis, behind Sentinels and with a replica that has every write', open);
describeTaskFlow('redis, behind Sentinels and with a replica that has every write', open);
