import type { Task } from '../../../task/task.js';
import { type NewTask, StoreUnavailable } from '../../task-store.js';
import { LuaScript, type ScriptCall } from '../connection/lua-script.js';
import { newNonce } from '../records/keys.js';
import type { StoreParts } from '../records/store-parts.js';
import { ROWS_PER_SCRIPT, TurnPipeline, stepsOf } from '../connection/pipeline.js';
import type { Transition } from '../../../task/task.machine.js';
import { type EventOptions, eventArgs, type CommitFeed } from '../records/events.js';
import { encodeTask, headEndsOf, laneOf } from '../records/task-codec.js';
import type { FoundFields } from '../records/known-heads.js';

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
  private readonly pipeline: TurnPipeline<InsertRow, InsertResult>;
  private readonly staged: StagedInsert;

  constructor(private readonly parts: StoreParts) {
    this.staged = new StagedInsert(parts, COMMIT);
    this.pipeline = new TurnPipeline((rows) => this.run(rows), {
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

  private run(rows: readonly InsertRow[]): Promise<readonly InsertResult[]> {
    const { connection, keys, commitFeed, events } = this.parts;
    const keysOf = ({ queue, item }: InsertRow) => [
      keys.queue(queue),
      keys.entry(item.transition.task.spec.id),
    ];
    const tell = (results: readonly InsertResult[]) => {
      publishInserted(commitFeed, rows, results);
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
   * @param take receives the results before any later reply is read
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

/** One task for an insert script. */
export interface InsertRow {
  readonly queue: string;
  readonly nonce: string;
  readonly item: NewTask;
}

/** The event of the insert, the record that is there already, or null when the nonce was given up. */
export type InsertResult = string | FoundFields | null;

/** Characters that the insert scripts have to look at, besides some that are alike in all tasks. */
export function weightOfInsert({ item: { transition, payload } }: InsertRow): number {
  return payload.length + (transition.task.spec.callbackUrl?.length ?? 0);
}

/** What the insert scripts take for one task. */
export function insertArgs(row: InsertRow, events: EventOptions): (string | number)[] {
  const words = wordsOf(row);
  return [...headArgs(words), ...bodyArgs(words), ...eventArgs(row.item.transition, events)];
}

/** What is written ahead of one task. */
function stageArgs(row: InsertRow): readonly string[] {
  return bodyArgs(wordsOf(row));
}

/** What the commit takes for one task that was written ahead. */
function commitArgs(row: InsertRow, events: EventOptions): (string | number)[] {
  const words = wordsOf(row);
  return [...headArgs(words), words.batch, words.lane, ...eventArgs(row.item.transition, events)];
}

type Words = ReturnType<typeof wordsOf>;

function wordsOf({ item: { transition, payload }, nonce }: InsertRow) {
  const { spec } = transition.task;
  const encoded = encodeTask(transition.task);
  const text = JSON.stringify(spec);
  const size = Buffer.byteLength(text) + Buffer.byteLength(payload);
  const { begin, ending } = headEndsOf(encoded, { timeout: spec.timeout, nonce, size, bytes: 0 });
  const { state, deadline, core } = encoded;
  const { id, priority, batchId: batch = '' } = spec;
  return {
    nonce,
    id,
    state,
    begin,
    ending,
    priority,
    deadline,
    text,
    core,
    payload,
    batch,
    lane: laneOf(spec),
  };
}

function headArgs({ nonce, id, state, begin, ending, priority, deadline }: Words): (string | number)[] {
  return [nonce, id, state, begin, ending, priority, deadline];
}

function bodyArgs({ text, core, payload, batch, lane }: Words): string[] {
  return [text, core, payload, batch, lane];
}

/** Tells which of the tasks were inserted. */
export function publishInserted(
  feed: CommitFeed,
  rows: readonly InsertRow[],
  results: readonly InsertResult[],
): void {
  feed.publish(
    rows.flatMap(({ item }, index): (readonly [Transition, string])[] => {
      const result = results[index];
      return typeof result === 'string' ? [[item.transition, result]] : [];
    }),
  );
}
