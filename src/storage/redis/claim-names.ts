import type { Seconds } from '../../task/clock.js';
import type { Keys } from './keys.js';
import { LuaScript } from './lua-script.js';
import type { StoreConnection } from './store-connection.js';

const NOTE = new LuaScript('note', { runsWhenFull: true, hasOneKey: true });

/** How much longer than its leases it is remembered which queues a claim call named. */
const GRACE: Seconds = 60;

/**
 * Which queues a claim call with an id has named: a repetition may name others, and the tasks that it holds are found
 * all the same.
 */
export class ClaimNames {
  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** Notes queues, before tasks are taken from them, so that none is missed. Answers those noted before. */
  async note(claimKey: string, queues: readonly string[]): Promise<readonly string[]> {
    const call = { keys: [this.keys.claim(claimKey)], args: [GRACE * 1000, ...queues] };
    return this.connection.writeScript(NOTE, call, (reply) => reply as string[]);
  }

  /** Remembers them for as long as the leases of the claim. */
  async keep(claimKey: string, lease: Seconds): Promise<void> {
    const key = this.keys.claim(claimKey);
    await this.connection.write((client) => client.pexpire(key, Math.ceil((lease + GRACE) * 1000)));
  }
}
