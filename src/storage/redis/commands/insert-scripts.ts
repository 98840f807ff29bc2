import type { Transition } from '../../../task/task.machine.js';
import { type NewTask, StoreUnavailable } from '../../task-store.js';
import { LuaScript, type ScriptCall } from '../connection/lua-script.js';
import { stepsOf } from '../connection/pipeline.js';
import { type EventOptions, eventArgs } from '../records/events.js';
import { type Keys, newNonce } from '../records/keys.js';
import type { FoundFields } from '../records/known-heads.js';
import type { StoreParts } from '../records/store-parts.js';
import { encodeTask, headEndsOf, laneOf } from '../records/task-codec.js';

/** Milliseconds after which staged tasks expire without a commit. Longer than any call. */
const STAGED_MS = 300_000;

/**
 * Characters of payloads above which a call is staged. Staging costs a round trip for each part, and the commit moves each
 * record. Below this limit, one script that writes everything is as short (ADR 35).
 */
const STAGED_FROM = 1_048_576;

const STAGE = new LuaScript('stage');

/** Whether the script that inserts them should not carry their payloads. */
function areLarge(rows: readonly InsertRow[]): boolean {
  return rows.length > 1 && rows.reduce((sum, row) => sum + weightOfInsert(row), 0) > STAGED_FROM;
}

/** The scripts that insert tasks in one commit. */
export interface InsertScriptsOptions {
  /** Inserts tasks with their payloads. */
  readonly insert: LuaScript;
  /** Inserts tasks that were staged. */
  readonly commit: LuaScript;
  /** The keys that both scripts take for a task. */
  readonly keysOf: (row: InsertRow, keys: Keys) => readonly string[];
}

/**
 * Inserts tasks in one commit and publishes their events.
 *
 * Tasks with large payloads are staged: short scripts first write the records, without a head, to keys that nothing leads
 * to. One script then moves them into place and indexes them; its time does not depend on the payloads. A process that
 * ends before that script leaves keys that expire.
 */
export class InsertScripts {
  constructor(
    private readonly parts: StoreParts,
    private readonly options: InsertScriptsOptions,
  ) {}

  /** @throws StoreUnavailable with `applied: false` when staging failed */
  run(rows: readonly InsertRow[]): Promise<readonly InsertResult[]> {
    if (areLarge(rows)) return this.runStaged(rows);
    const { connection, events } = this.parts;
    const call = {
      keys: this.keysOf(rows),
      args: [events.streamLength, ...rows.flatMap((row) => insertArgs(row, events))],
    };
    return connection.writeScript(this.options.insert, call, (reply) => this.publish(rows, reply));
  }

  private keysOf(rows: readonly InsertRow[]): readonly string[] {
    return rows.flatMap((row) => this.options.keysOf(row, this.parts.keys));
  }

  private async runStaged(rows: readonly InsertRow[]): Promise<readonly InsertResult[]> {
    const { connection, events } = this.parts;
    const nonce = newNonce();
    try {
      await this.stage(rows, nonce);
      const call = {
        keys: this.keysOf(rows),
        args: [events.streamLength, nonce, ...rows.flatMap((row) => commitArgs(row, events))],
      };
      return await connection.writeScript(this.options.commit, call, (reply) => {
        if (reply === null)
          throw new StoreUnavailable('Redis has lost a part of the call; send it again', false);
        return this.publish(rows, reply);
      });
    } catch (error) {
      // After a commit whose answer was lost, there is nothing left to delete.
      void this.discard(rows, nonce).catch(() => undefined);
      throw error;
    }
  }

  /** Publishes before any later reply is read. */
  private publish(rows: readonly InsertRow[], reply: unknown): readonly InsertResult[] {
    const results = reply as readonly InsertResult[];
    this.parts.commitFeed.publish(
      rows.flatMap(({ item }, index): (readonly [Transition, string])[] => {
        const result = results[index];
        return typeof result === 'string' ? [[item.transition, result]] : [];
      }),
    );
    return results;
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

  /** Does not wait for replicas: the commit does, and they get the staged tasks before it. */
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

/** The id of the event of the insert, the record that exists, or null when the nonce was given up. */
export type InsertResult = string | FoundFields | null;

/** Characters of a task that the insert scripts copy, except for parts of nearly constant length. */
export function weightOfInsert({ item: { transition, payload } }: InsertRow): number {
  return payload.length + (transition.task.spec.callbackUrl?.length ?? 0);
}

/** The arguments of the insert scripts for a task. */
function insertArgs(row: InsertRow, events: EventOptions): (string | number)[] {
  const words = wordsOf(row);
  return [...headArgs(words), ...bodyArgs(words), ...eventArgs(row.item.transition, events)];
}

/** The arguments of the stage script for a task. */
function stageArgs(row: InsertRow): readonly string[] {
  return bodyArgs(wordsOf(row));
}

/** The arguments of the commit scripts for a staged task. */
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
