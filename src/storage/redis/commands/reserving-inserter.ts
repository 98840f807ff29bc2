import { setTimeout as pause } from 'node:timers/promises';
import type { Task } from '../../../task/task.js';
import { type NewTask, StoreUnavailable } from '../../task-store.js';
import type { DirectoryEntry } from '../records/id-directory.js';
import type { Inserter } from './task-inserter.js';
import { type InsertResult, type InsertRow, InsertScripts, weightOfInsert } from './insert-scripts.js';
import { LuaScript } from '../connection/lua-script.js';
import { newNonce } from '../records/keys.js';
import { QueuePipeline } from '../connection/pipeline.js';
import { afterWrites } from '../connection/store-connection.js';
import type { StoreParts } from '../records/store-parts.js';
import type { TaskFinder } from './task-finder.js';

/** Milliseconds after which an announced insert that did not come is overtaken. */
const OVERTAKE_AFTER_MS = 20;
const ROUNDS = 50;

const INSERT = new LuaScript('insert-reserved');
const COMMIT = new LuaScript('commit-reserved');

/** A task that still has to be inserted. */
interface Open extends DirectoryEntry {
  readonly index: number;
  readonly id: string;
  readonly item: NewTask;
}

/** An open task, and the queue that the directory has for its id. */
interface Reserved extends Open {
  readonly entry: DirectoryEntry;
}

/**
 * Inserts tasks in a Cluster, where the directory and the queue are on different nodes: the id is given to the queue
 * first, and the task follows. A process may find that its id is given to another queue, where no task appears. It then
 * fences that insert off and takes the id over.
 */
export class ReservingInserter implements Inserter {
  private readonly pipeline: QueuePipeline<InsertRow, InsertResult>;

  constructor(
    private readonly parts: StoreParts,
    private readonly finder: TaskFinder,
  ) {
    const scripts = new InsertScripts(parts, {
      insert: INSERT,
      commit: COMMIT,
      keysOf: ({ queue }, keys) => [keys.queue(queue)],
    });
    this.pipeline = new QueuePipeline((rows) => scripts.run(rows), parts.connection, {
      weigh: weightOfInsert,
      isCommit: true,
    });
  }

  /** Per item: `undefined` when inserted, else the existing task with this id. */
  async insert(items: readonly NewTask[]): Promise<readonly (Task | undefined)[]> {
    const present = new Array<Task | undefined>(items.length).fill(undefined);
    let open = items.map((item, index): Open => {
      const { id, queue } = item.transition.task.spec;
      return { index, id, queue, nonce: newNonce(), item };
    });
    await this.parts.names.ensure([...new Set(open.map(({ queue }) => queue))]);
    for (let round = 0; open.length > 0; round += 1) {
      if (round === ROUNDS)
        throw new StoreUnavailable('Another call is inserting this id; send the call again', 'unknown');
      if (round > 0) await pause(OVERTAKE_AFTER_MS);
      const some = this.insertSome(firstOfEachId(open), present, round > 0);
      const settled = await (round === 0 ? some : afterWrites(some));
      // A nonce that was given up is refused for a while.
      open = open.filter(({ index }) => !settled.has(index)).map((each) => ({ ...each, nonce: newNonce() }));
    }
    return present;
  }

  /** One round. Returns the indices of the settled tasks. */
  private async insertSome(
    open: readonly Open[],
    present: (Task | undefined)[],
    mayOvertake: boolean,
  ): Promise<ReadonlySet<number>> {
    const entries = await this.parts.directory.reserve(open);
    const reserved = open.map((each, index): Reserved => ({ ...each, entry: entries[index] ?? each }));
    const own = reserved.filter(({ queue, entry }) => entry.queue === queue);
    const settled = await this.insertOwn(own, present);
    for (const each of reserved.filter(({ queue, entry }) => entry.queue !== queue)) {
      const task = await this.finder.findIn(each.entry.queue, each.id);
      if (task !== undefined) {
        present[each.index] = task;
        settled.add(each.index);
      } else if (mayOvertake) await this.overtake(each);
    }
    return settled;
  }

  private async insertOwn(own: readonly Reserved[], present: (Task | undefined)[]): Promise<Set<number>> {
    const { heads, directory } = this.parts;
    const results = await this.pipeline.add(own.map(({ item, entry }) => ({ item, ...entry })));
    const settled = own.filter((_, index) => results[index] !== null);
    own.forEach(({ index: at, item, entry }, index) => {
      const result = results[index];
      if (typeof result === 'string') heads.rememberInsert(item.transition.task.spec, entry.nonce);
      else if (result) present[at] = heads.decode(result);
    });
    for (const { id, queue } of settled) directory.remember(id, queue);
    const givenUp = own.filter((each) => !settled.includes(each));
    const forgotten = givenUp.map(({ id, entry }) => ({ id, from: entry, to: undefined }));
    await afterWrites(directory.exchange(forgotten));
    return new Set(settled.map(({ index }) => index));
  }

  private async overtake({ id, queue, nonce, entry }: Reserved): Promise<void> {
    const { directory } = this.parts;
    if (await directory.fence(id, entry))
      await directory.exchange([{ id, from: entry, to: { queue, nonce } }]);
  }
}

/** A repeated id waits for its first task. */
function firstOfEachId(open: readonly Open[]): readonly Open[] {
  const firsts = new Map<string, Open>();
  for (const each of open) if (!firsts.has(each.id)) firsts.set(each.id, each);
  return [...firsts.values()];
}
