import { Cluster } from 'ioredis';
import type { RedisLink } from '../../src/redis/redis-link.js';
import { CALM_NODE_TIMEOUT_MS, RedisCluster } from '../support/redis-cluster.js';
import { until } from '../support/until.js';
import { useLinks } from '../unit/redis/link.support.js';

const PATIENCE_MS = 20_000;
const open = useLinks();
let cluster: RedisCluster;

afterEach(async () => {
  await cluster.stop();
});

/** The ports of the masters that the client is connected to. */
function mastersOf({ client }: RedisLink): readonly number[] {
  const nodes = client instanceof Cluster ? client.nodes('master') : [];
  return nodes.flatMap(({ status, options }) => (status === 'ready' ? Number(options.port) : []));
}

describe('a link to a Cluster that changes its size', () => {
  it.each([
    ['becomes a replica', 'yes'],
    ['stays a master', 'no'],
  ])(
    'is there all the time, and when the node that is left without slots %s',
    async (_, migration) => {
      const args = ['--cluster-allow-replica-migration', migration];
      cluster = await RedisCluster.start({ nodeTimeoutMs: CALM_NODE_TIMEOUT_MS, args });
      const slot = await cluster.slotOf('foo');
      const first = await cluster.masterOf('foo');
      const link = open(cluster.url);
      await link.ready(PATIENCE_MS);
      const changes: boolean[] = [];
      link.onChange((isAvailable) => changes.push(isAvailable));
      const added = await cluster.addMaster();
      await cluster.moveSlot(slot, added);
      await until(() => mastersOf(link).includes(added.port));
      expect(await link.client.incr('foo')).toBe(1);

      // Nothing is asked of this slot meanwhile, so no command tells the client where it is.
      await cluster.moveSlot(slot, first);
      await until(() => mastersOf(link).length === 3);
      await cluster.forget(added);
      expect(await link.client.incr('foo')).toBe(2);
      expect(link.isAvailable).toBe(true);
      expect(changes).toEqual([]);
    },
    120_000,
  );

  it('comes back by itself when a node is forgotten at once that it is connected to', async () => {
    cluster = await RedisCluster.start({ nodeTimeoutMs: CALM_NODE_TIMEOUT_MS });
    const slot = await cluster.slotOf('foo');
    const first = await cluster.masterOf('foo');
    const added = await cluster.addMaster();
    await cluster.moveSlot(slot, added);
    const link = open(cluster.url);
    await link.ready(PATIENCE_MS);
    await cluster.moveSlot(slot, first);
    await cluster.forget(added);
    await until(async () => (await link.client.incr('foo').catch(() => 0)) > 0);
    await until(() => link.isAvailable && mastersOf(link).length === 3);
  }, 60_000);
});
