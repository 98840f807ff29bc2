import { StoreUnavailable } from '../../task-store.js';
import { commitArgs, type InsertResult, type InsertRow, stageArgs, weightOfInsert } from './insert.row.js';
import { LuaScript, type ScriptCall } from '../connection/lua-script.js';
import { newNonce } from '../records/nonce.js';
import type { StoreParts } from '../records/store-parts.js';
import { stepsOf } from '../connection/turn-batch.js';

/** After this time Redis deletes what a process has staged and not committed. Longer than any call can last. */
const STAGED_MS = 300_000;

/**
 * Characters of payloads from which on a call is staged. Staging costs a round trip for each part, and the commit moves
 * each record: below this, one script that writes everything is as short (ADR 35).
 */
const STAGED_FROM = 1_048_576;

const STAGE = new LuaScript('stage');

/** Whether they have so much payload that the script which inserts them had better not carry it. */
export function areLarge(rows: readonly InsertRow[]): boolean {
  return rows.length > 1 && rows.reduce((sum, row) => sum + weightOfInsert(row), 0) > STAGED_FROM;
}

/**
 * Inserts tasks with large payloads in one commit. Short scripts first write the records, without a head, to keys that
 * nothing leads to. One script then moves them into place and enters them everywhere; its time does not depend on the
 * payloads. A process that ends before that script leaves keys that expire.
 */
export class StagedInsert {
  constructor(
    private readonly parts: Pick<StoreParts, 'connection' | 'keys' | 'events'>,
    private readonly commit: LuaScript,
  ) {}

  /**
   * @param keysOf the keys that the commit names for a task
   * @param take told of the results before any later reply is looked at
   * @throws StoreUnavailable with `applied: false` when it failed before the commit
   */
  async run(
    rows: readonly InsertRow[],
    keysOf: (row: InsertRow) => readonly string[],
    take: (results: readonly InsertResult[]) => void,
  ): Promise<readonly InsertResult[]> {
    const { connection, events } = this.parts;
    const nonce = newNonce();
    try {
      await this.stage(rows, nonce);
      const call = {
        keys: rows.flatMap(keysOf),
        args: [events.streamLength, nonce, ...rows.flatMap((row) => commitArgs(row, events))],
      };
      return await connection.writeScript(this.commit, call, (reply) => {
        if (reply === null)
          throw new StoreUnavailable('Redis has lost a part of the call; send it again', false);
        const results = reply as readonly InsertResult[];
        take(results);
        return results;
      });
    } catch (error) {
      // After a commit whose answer did not come there is nothing left to delete.
      void this.discard(rows, nonce).catch(() => undefined);
      throw error;
    }
  }

  private async stage(rows: readonly InsertRow[], nonce: string): Promise<void> {
    let count = 0;
    for (const step of stepsOf(rows, { weigh: weightOfInsert })) {
      const call = {
        keys: step.map(({ queue }) => this.parts.keys.queue(queue)),
        args: [nonce, STAGED_MS, count, ...step.flatMap(stageArgs)],
      };
      await this.write(call);
      count += step.length;
    }
  }

  /** The commit waits for the replicas, which have everything before it then. */
  private async write(call: ScriptCall): Promise<void> {
    const { connection } = this.parts;
    const { isCluster } = connection;
    try {
      await connection.write((client) => STAGE.run(client, call, { isCluster }));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      throw new StoreUnavailable(error.message, false, { cause: error });
    }
  }

  private async discard(rows: readonly InsertRow[], nonce: string): Promise<void> {
    const { connection, keys } = this.parts;
    const staged = rows.map(({ queue }, index) => keys.staged(queue, nonce, index + 1));
    await connection.write((client) => client.unlink(...staged));
  }
}
