import { RedisServer } from '../support/redis-server.js';
import { planOf } from './plan.js';
import { simulateOnRedis } from './redis.js';

const SEEDS = 1;

describe('two processes at a Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });

  afterAll(async () => {
    await redis.stop();
  });

  it('keep their promises in real time, with calls that are held up', async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { violations } = await simulateOnRedis(planOf(seed, { theme: 'replicas' }), redis);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
  }, 300_000);
});
