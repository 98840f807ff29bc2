import { Logger } from '@nestjs/common';
import { LuaScript } from '../connection/lua-script.js';
import type { Keys } from './keys.js';
import type { StoreConnection } from '../connection/store-connection.js';

/** An index entry whose task has no record: the key of the queue, and the id. */
export type DanglingEntry = readonly [queue: string, id: string];

const REPAIR = new LuaScript('repair', { runsWhenFull: true });
/** The most entries of one script that the log names. */
const MOST_NAMED = 20;

/**
 * Index entries without a record, for example because an operator deleted it. Scripts that meet them skip them and take
 * them out.
 */
export class Repairs {
  private readonly logger = new Logger('RedisTaskStore');

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** Takes ids without a record out of the indices of their queue. */
  async repair(queue: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const call = { keys: ids.map(() => this.keys.queue(queue)), args: ids };
    await this.connection.writeScript(REPAIR, call, (reply) => {
      this.logRemoved(reply as readonly DanglingEntry[]);
    });
  }

  /** Logs entries that scripts have taken out. */
  logRemoved(entries: readonly DanglingEntry[]): void {
    for (const [queue, id] of entries.slice(0, MOST_NAMED)) {
      this.logger.warn(`Task ${id} of ${queue} has no record; removed it from the indices`);
    }
    if (entries.length <= MOST_NAMED) return;
    this.logger.warn(
      `${entries.length - MOST_NAMED} more tasks have no record; removed them from the indices`,
    );
  }
}
