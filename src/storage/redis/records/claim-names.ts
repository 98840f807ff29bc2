import type { Clock, Seconds } from '../../../task/clock.js';
import type { Lease } from '../../../task/task.js';
import type { Keys } from './keys.js';
import { LuaScript } from '../connection/lua-script.js';
import { RecentMap } from './recent-map.js';
import type { StoreConnection } from '../connection/store-connection.js';

const ADD = new LuaScript('add-claim-queues', { runsWhenFull: true, hasOneKey: true });

/** How much longer than its leases the names of a claim are kept. */
const GRACE: Seconds = 60;
/** Claims whose expiry this process caches. For others it writes the names again. */
const MOST = 20_000;

/**
 * The queues that a claim call with an id has named. A repetition can name others, and still finds the tasks that the
 * call holds.
 */
export class ClaimNames {
  /** The steady time until which a lease of the claim can last without a renewal of its names. */
  private readonly kept = new RecentMap<string, number>(MOST);

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  /** Adds queues before tasks are taken from them, so that none is missed. Returns the queues named before. */
  async add(claimKey: string, queues: readonly string[]): Promise<readonly string[]> {
    const call = { keys: [this.keys.claim(claimKey)], args: [GRACE * 1000, ...queues] };
    return this.connection.writeScript(ADD, call, (reply) => reply as string[]);
  }

  /** Keeps the names for twice the length of this lease, so that not every heartbeat must renew them. */
  async keep(claimKey: string, { expiresAt, length }: Lease): Promise<void> {
    if ((this.kept.get(claimKey) ?? -Infinity) >= expiresAt) return;
    const keptUntil = expiresAt + length * 1000;
    const rest = Math.ceil(keptUntil + GRACE * 1000 - this.clock.now().steady);
    const call = { keys: [this.keys.claim(claimKey)], args: [rest] };
    await this.connection.writeScript(ADD, call, () => undefined);
    this.kept.set(claimKey, keptUntil);
  }

  /** A Redis that is available again may have lost writes. */
  forgetAll(): void {
    this.kept.clear();
  }
}
