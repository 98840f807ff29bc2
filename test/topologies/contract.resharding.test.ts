import { describeTaskFlow, describeTaskStore } from '../contract/task-store.contract.js';
import { CALM_NODE_TIMEOUT_MS, RedisCluster } from '../support/redis-cluster.js';
import { openRedisStore } from '../support/redis-store.js';
import { Keys } from '../../src/storage/redis/records/keys.js';
import { SlotShuffler } from '../support/slot-shuffler.js';
import { harnessOf, type OpenStore } from '../support/store-harness.js';
import { FakeClock } from '../support/task.builders.js';

/** No call is refused, however long its slot is open: moving a slot with thousands of keys takes seconds. */
const PATIENCE = { limitMs: 120_000, timeoutMs: 120_000 };
let cluster: RedisCluster;
let shuffler: SlotShuffler;
let stores = 0;

beforeAll(async () => {
  cluster = await RedisCluster.start({ nodeTimeoutMs: CALM_NODE_TIMEOUT_MS });
  shuffler = new SlotShuffler(cluster, { favourites: hotSlots });
  shuffler.start();
}, 60_000);

afterAll(async () => {
  try {
    // Rejects when a move has failed.
    await shuffler.stop();
    process.stderr.write(`${shuffler.moved} slots were moved meanwhile\n`);
    expect(shuffler.moved).toBeGreaterThan(0);
  } finally {
    await cluster.stop();
  }
});

/** What nearly every call of the store that is open now goes by. */
function hotSlots(): Promise<readonly number[]> {
  const keys = new Keys(`test-${stores}`);
  const hot = [keys.queue('default'), keys.queues, keys.documents('schedule'), keys.entry('task-1')];
  return Promise.all(hot.map((key) => cluster.slotOf(key)));
}

const open: OpenStore = async ({ settings }) => {
  stores += 1;
  const choices = { keyPrefix: `test-${stores}`, clock: new FakeClock(), settings, url: cluster.url };
  return harnessOf({
    clock: choices.clock,
    open: () => openRedisStore({ ...choices, ...PATIENCE }),
    // So that the slots which move are those of the next test.
    dispose: () => cluster.flush(),
  });
};

describeTaskStore('redis, in a Cluster whose slots are moved to and fro', open);
describeTaskFlow('redis, in a Cluster whose slots are moved to and fro', open);
