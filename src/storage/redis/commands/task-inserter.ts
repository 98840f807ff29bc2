import type { Task } from '../../../task/task.js';
import type { NewTask } from '../../task-store.js';
import { LuaScript } from '../connection/lua-script.js';
import { ROWS_PER_SCRIPT, TurnPipeline } from '../connection/pipeline.js';
import { newNonce } from '../records/keys.js';
import type { StoreParts } from '../records/store-parts.js';
import { type InsertResult, type InsertRow, InsertScripts, weightOfInsert } from './insert-scripts.js';

const INSERT = new LuaScript('insert');
const COMMIT = new LuaScript('commit');

export interface Inserter {
  /** Per item: `undefined` when inserted, else the existing task with this id. */
  insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]>;
}

/**
 * Inserts tasks where all keys are on one node. The script that inserts a task also gives its id to the queue. A call is
 * one commit.
 */
export class TaskInserter implements Inserter {
  private readonly pipeline: TurnPipeline<InsertRow, InsertResult>;

  constructor(private readonly parts: StoreParts) {
    const scripts = new InsertScripts(parts, {
      insert: INSERT,
      commit: COMMIT,
      keysOf: ({ queue, item }, keys) => [keys.queue(queue), keys.entry(item.transition.task.spec.id)],
    });
    this.pipeline = new TurnPipeline((rows) => scripts.run(rows), {
      joined: ROWS_PER_SCRIPT,
      weigh: weightOfInsert,
      isCommit: true,
    });
  }

  async insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]> {
    if (items.length === 0) return [];
    const { names, directory, heads } = this.parts;
    const rows = items.map((item) => ({ queue: item.transition.task.spec.queue, nonce: newNonce(), item }));
    await names.ensure([...new Set(rows.map(({ queue }) => queue))]);
    const results = await this.pipeline.add(rows);
    return rows.map(({ item: { transition }, nonce }, index) => {
      const result = results[index] ?? '';
      const present = typeof result === 'string' ? undefined : heads.decode(result);
      if (present === undefined) heads.rememberInsert(transition.task.spec, nonce);
      const { id, queue } = (present ?? transition.task).spec;
      directory.remember(id, queue);
      return present;
    });
  }
}
