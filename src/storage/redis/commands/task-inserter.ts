import type { Task } from '../../../task/task.js';
import type { NewTask } from '../../task-store.js';
import { type InsertResult, type InsertRow, insertArgs, tellInserted, weightOfInsert } from './insert.row.js';
import { LuaScript } from '../connection/lua-script.js';
import { newNonce } from '../records/nonce.js';
import { areLarge, StagedInsert } from './staged-insert.js';
import type { StoreParts } from '../records/store-parts.js';
import { ROWS_PER_SCRIPT, TurnBatch } from '../connection/turn-batch.js';

const INSERT = new LuaScript('insert');
const COMMIT = new LuaScript('commit');

export interface Inserter {
  /** Per item: `undefined` when inserted, else the task that has this id already. */
  insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]>;
}

/**
 * Inserts tasks where everything is on one node: the id is given to the queue in the step that puts the task there.
 * A call is one commit.
 */
export class TaskInserter implements Inserter {
  private readonly batch: TurnBatch<InsertRow, InsertResult>;
  private readonly staged: StagedInsert;

  constructor(private readonly parts: StoreParts) {
    this.staged = new StagedInsert(parts, COMMIT);
    this.batch = new TurnBatch((rows) => this.run(rows), {
      joined: ROWS_PER_SCRIPT,
      weigh: weightOfInsert,
      isCommit: true,
    });
  }

  async insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]> {
    if (items.length === 0) return [];
    const { names, directory, records } = this.parts;
    const rows = items.map((item) => ({ queue: item.step.task.spec.queue, nonce: newNonce(), item }));
    await names.ensure([...new Set(rows.map(({ queue }) => queue))]);
    const results = await this.batch.add(rows);
    return rows.map(({ item: { step }, nonce }, index) => {
      const result = results[index] ?? '';
      const present = typeof result === 'string' ? undefined : records.decode(result);
      if (present === undefined) records.noteInsert(step.task.spec, nonce);
      const { id, queue } = (present ?? step.task).spec;
      directory.remember(id, queue);
      return present;
    });
  }

  private run(rows: readonly InsertRow[]): Promise<readonly InsertResult[]> {
    const { connection, keys, feed, events } = this.parts;
    const keysOf = ({ queue, item }: InsertRow) => [keys.queue(queue), keys.entry(item.step.task.spec.id)];
    const tell = (results: readonly InsertResult[]) => {
      tellInserted(feed, rows, results);
    };
    if (areLarge(rows)) return this.staged.run(rows, keysOf, tell);
    const call = {
      keys: rows.flatMap(keysOf),
      args: [events.streamLength, ...rows.flatMap((row) => insertArgs(row, events))],
    };
    return connection.writeScript(INSERT, call, (reply) => {
      const results = reply as InsertResult[];
      tell(results);
      return results;
    });
  }
}
