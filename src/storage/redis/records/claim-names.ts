import type { Clock, Seconds } from '../../../task/clock.js';
import type { Lease } from '../../../task/task.js';
import type { Keys } from './keys.js';
import { LuaScript } from '../connection/lua-script.js';
import { RecentMap } from './recent-map.js';
import type { StoreConnection } from '../connection/store-connection.js';

const ADD = new LuaScript('add-claim-queues', { runsWhenFull: true, hasOneKey: true });

/** How much longer than its leases it is remembered which queues a claim call named. */
const GRACE: Seconds = 60;
/** Claims for which this process remembers the expiry of their names. For others it writes the names again. */
const MOST = 20_000;

/**
 * Which queues a claim call with an id has named: a repetition may name others, and the tasks that it holds are found
 * all the same.
 */
export class ClaimNames {
  /** Until when, on the steady scale, a lease of the claim may last without its names being kept any longer. */
  private readonly kept = new RecentMap<string, number>(MOST);

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
    private readonly clock: Clock,
  ) {}

  /** Adds queues, before tasks are taken from them, so that none is missed. Answers those that it has named before. */
  async add(claimKey: string, queues: readonly string[]): Promise<readonly string[]> {
    const call = { keys: [this.keys.claim(claimKey)], args: [GRACE * 1000, ...queues] };
    return this.connection.writeScript(ADD, call, (reply) => reply as string[]);
  }

  /** Remembers them as long as this lease of the claim lasts, and as long again: so not every heartbeat has to. */
  async keep(claimKey: string, { expiresAt, length }: Lease): Promise<void> {
    if ((this.kept.get(claimKey) ?? -Infinity) >= expiresAt) return;
    const keptUntil = expiresAt + length * 1000;
    const rest = Math.ceil(keptUntil + GRACE * 1000 - this.clock.now().steady);
    const call = { keys: [this.keys.claim(claimKey)], args: [rest] };
    await this.connection.writeScript(ADD, call, () => undefined);
    this.kept.set(claimKey, keptUntil);
  }

  /** Who comes back may have lost what was written. */
  forgetAll(): void {
    this.kept.clear();
  }
}
