import type { RedisServer } from '../support/redis-server.js';
import { SlotShuffler } from '../support/slot-shuffler.js';
import type { MakeFault } from './redis.faults.js';

/** What every call of the load goes by: the queue, names, documents, and some of the directory. */
const HOT_KEYS = ['cq:{default}', 'cq:queues', 'cq:documents:{workers}', 'cq:documents:{lock}'];
/** Other slots that a master takes with it when it comes or goes. */
const MORE_SLOTS = 40;

/** Slots that have keys are moved between the masters of a cluster, one after the other, key by key. */
export const shuffleSlots: MakeFault = async ({ cluster }) => {
  const hot = await Promise.all(HOT_KEYS.map((key) => cluster.slotOf(key)));
  let shuffler: SlotShuffler | undefined;
  let moved = 0;
  return {
    begin() {
      shuffler = new SlotShuffler(cluster, { favourites: () => Promise.resolve(hot) });
      shuffler.start();
      return Promise.resolve();
    },
    async heal() {
      await shuffler?.stop();
      moved += shuffler?.moved ?? 0;
    },
    effects: () => moved,
  };
};

/** A master joins the cluster and takes slots over; then it gives all of them back, and stays there without any. */
export const growAndShrink: MakeFault = async ({ cluster }) => {
  const hot = await Promise.all(HOT_KEYS.map((key) => cluster.slotOf(key)));
  let owners: readonly (readonly [slot: number, owner: RedisServer])[] = [];
  let added: RedisServer | undefined;
  let moved = 0;
  return {
    async begin() {
      const master = await cluster.addMaster();
      added = master;
      const slots = new Set([...hot, ...(await cluster.slotsWithKeys()).slice(0, MORE_SLOTS)]);
      owners = await Promise.all(
        [...slots].map(async (slot) => [slot, await cluster.masterOfSlot(slot)] as const),
      );
      for (const [slot] of owners) await cluster.moveSlot(slot, master);
    },
    async heal() {
      for (const [slot, owner] of owners) await cluster.moveSlot(slot, owner);
      moved += added === undefined ? 0 : owners.length - (await cluster.slotsOf(added)).length;
    },
    effects: () => moved,
  };
};
