import type { Transition } from '../../../task/task.machine.js';
import { priorityOf, type Task } from '../../../task/task.js';
import { holderOf } from '../../claim-key.js';
import type { Change, ReplaceOptions } from '../../task-store.js';
import { eventArgs } from '../records/events.js';
import { LuaScript } from '../connection/lua-script.js';
import { QueuePipeline, ROWS_PER_STEP } from '../connection/pipeline.js';
import { afterWrites } from '../connection/store-connection.js';
import type { StoreParts } from '../records/store-parts.js';
import { FENCE_MS } from '../records/keys.js';
import { isFinalState } from '../../../task/task-state.js';
import {
  type EncodedTask,
  encodeTask,
  type Head,
  nextHead,
  placeAt,
  readHead,
} from '../records/task-codec.js';
import type { TaskFinder } from './task-finder.js';

const REPLACE = new LuaScript('replace', {
  runsWhenFull: true,
});
const REMOVE = new LuaScript('remove', { runsWhenFull: true });
const LENGTHS = new LuaScript('lengths', { isReadOnly: true });

/** Removes the checkpoint. No JSON text is equal to it. */
const NO_CHECKPOINT = '-';

/** Replaces and removes tasks. */
export class TaskWriter {
  private readonly rows: WriteRows;
  /** The id of the event, empty for none; null when another write came first. */
  private readonly changes: QueuePipeline<ChangeRow, string | null>;
  /** Replaces parts of a call one after the other. */
  private readonly steps: QueuePipeline<ChangeRow, string | null>;
  /** The nonce of the task; null when another write came first. */
  private readonly removals: QueuePipeline<TaskRow, string | null>;

  constructor(
    private readonly parts: StoreParts,
    finder: TaskFinder,
  ) {
    this.rows = new WriteRows(parts, finder);
    this.changes = new QueuePipeline((rows) => this.runReplace(rows), parts.connection, {
      weigh: weightOfChange,
      isCommit: true,
    });
    this.steps = new QueuePipeline((rows) => this.runReplace(rows), parts.connection, {
      weigh: weightOfChange,
    });
    this.removals = new QueuePipeline((rows) => this.runRemove(rows), parts.connection);
  }

  async replace(
    changes: readonly Change[],
    { inSteps = false }: ReplaceOptions = {},
  ): Promise<readonly boolean[]> {
    const pipeline = inSteps && changes.length > ROWS_PER_STEP ? this.steps : this.changes;
    const events = await addPresent(pipeline, await this.rows.changeRows(changes));
    const written = events.map((event) => event !== null);
    // A caller that retries must read the task again, even if no script saw the change.
    changes.forEach(({ task }, index) => {
      if (!written[index]) this.parts.heads.forget(task);
    });
    await this.keepClaims(changes.filter((_, index) => written[index]));
    return written;
  }

  /** A heartbeat has extended a lease. A repeated claim call must still find the task. */
  private async keepClaims(changes: readonly Change[]): Promise<void> {
    const { claimNames } = this.parts;
    const kept = changes.map(async ({ task }) => {
      const claimKey = holderOf(task);
      if (claimKey !== undefined && task.state === 'processing') await claimNames.keep(claimKey, task.lease);
    });
    // The write is done, and the next heartbeat tries again.
    await Promise.allSettled(kept);
  }

  async remove(tasks: readonly Task[]): Promise<readonly boolean[]> {
    const nonces = await addPresent(this.removals, await this.rows.taskRows(tasks));
    const forgotten = tasks.flatMap(({ spec: { id, queue } }, index) => {
      const nonce = nonces[index];
      return nonce ? [{ id, from: { queue, nonce }, to: undefined }] : [];
    });
    await afterWrites(this.parts.directory.exchange(forgotten));
    return nonces.map((nonce) => nonce !== null);
  }

  private async runReplace(rows: readonly ChangeRow[]): Promise<readonly (string | null)[]> {
    const { connection, keys, commitFeed, events } = this.parts;
    const call = {
      keys: rows.map(({ queue }) => keys.queue(queue)),
      args: [events.streamLength, ...rows.flatMap((row) => this.changeArgs(row))],
    };
    return connection.writeScript(REPLACE, call, (reply) => {
      const results = reply as (string | null)[];
      const transitions = rows.flatMap((row, index): (readonly [Transition, string])[] => {
        const transition = stepOf(row.change);
        const id = results[index];
        if (id !== null) this.parts.heads.rememberWrite(row.change.task, row.next);
        return transition !== undefined && id ? [[transition, id]] : [];
      });
      commitFeed.publish(transitions);
      return results;
    });
  }

  private async runRemove(rows: readonly TaskRow[]): Promise<readonly (string | null)[]> {
    const { connection, keys } = this.parts;
    const call = {
      keys: rows.map(({ queue }) => keys.queue(queue)),
      args: [FENCE_MS, ...rows.flatMap(({ task, seen }) => [task.spec.id, seen])],
    };
    return connection.writeScript(REMOVE, call, (reply) => reply as (string | null)[]);
  }

  private changeArgs({ change, encoded, ended, bytes, place, seen, next }: ChangeRow): (string | number)[] {
    const { task, output = '', checkpoint } = change;
    const transition = stepOf(change);
    const [channel, event] = transition === undefined ? ['', ''] : eventArgs(transition, this.parts.events);
    const { state, deadline, core, lease } = encoded;
    const saved = checkpoint === undefined ? '' : (checkpoint.text ?? NO_CHECKPOINT);
    return [
      ...[task.spec.id, seen, next, state, bytes, deadline, core, lease],
      ...[output, saved, ended, place, channel, event],
    ];
  }
}

/** Characters of a change that the script copies, without the parts of similar length. */
function weightOfChange({ change, encoded }: ChangeRow): number {
  const ofTexts = (change.output?.length ?? 0) + (change.checkpoint?.text?.length ?? 0);
  return ofTexts + encoded.core.length + (change.ended?.error?.length ?? 0);
}

/** Performs the rows that are not `undefined`. The results of the others are null. */
async function addPresent<Row extends { readonly queue: string }>(
  pipeline: QueuePipeline<Row, string | null>,
  rows: readonly (Row | undefined)[],
): Promise<readonly (string | null)[]> {
  if (isComplete(rows)) return pipeline.add(rows);
  const results = [...(await pipeline.add(rows.filter((row) => row !== undefined)))];
  return rows.map((row) => (row === undefined ? null : (results.shift() ?? null)));
}

function isComplete<Row>(rows: readonly (Row | undefined)[]): rows is readonly Row[] {
  return !rows.includes(undefined);
}

/** The transition of a change; a heartbeat has none. */
function stepOf({ task, type, at, ended }: Change): Transition | undefined {
  return type === undefined || at === undefined ? undefined : { task, type, at, ended };
}

/** A change, and the head that it expects. */
interface ChangeRow {
  readonly queue: string;
  readonly change: Change;
  readonly encoded: EncodedTask;
  /** The record of the attempt that it ends; empty for none. */
  readonly ended: string;
  /** Bytes that count towards the retention. */
  readonly bytes: number;
  /** The new place in the queue; empty when it stays. */
  readonly place: string;
  /** The head that the change expects. */
  readonly seen: string;
  /** The head that is written. */
  readonly next: string;
}

/** A task to remove, and the head that is expected. */
interface TaskRow {
  readonly queue: string;
  readonly task: Task;
  readonly seen: string;
}

interface RecordRow {
  readonly queue: string;
  readonly id: string;
}

/** Lengths of the parts of a record, in bytes. */
interface Lengths {
  readonly size: number;
  readonly output: number;
}

/**
 * Finds the head that each write expects. Usually this process has read or written it; otherwise it reads the head. A
 * task that is no longer at the revision of the caller gets no row.
 */
class WriteRows {
  private readonly lengths: QueuePipeline<RecordRow, Lengths>;

  constructor(
    private readonly parts: StoreParts,
    private readonly finder: TaskFinder,
  ) {
    this.lengths = new QueuePipeline((rows) => this.measure(rows), parts.connection, { isReadOnly: true });
  }

  changeRows(changes: readonly Change[]): Promise<readonly (ChangeRow | undefined)[]> {
    return rowsOf(changes, {
      known: (change) => this.knownChange(change),
      read: (change) => this.readChange(change),
    });
  }

  taskRows(tasks: readonly Task[]): Promise<readonly (TaskRow | undefined)[]> {
    const toRow = (task: Task, seen: string | undefined) =>
      seen === undefined ? undefined : { queue: task.spec.queue, task, seen };
    return rowsOf(tasks, {
      known: (task) => toRow(task, this.known(task, task.revision)),
      read: async (task) => toRow(task, await this.read(task, task.revision)),
    });
  }

  private knownChange(change: Change): ChangeRow | undefined {
    const { task } = change;
    const seen = this.known(task, task.revision - 1);
    return seen === undefined ? undefined : rowOf(change, seen);
  }

  private async readChange(change: Change): Promise<ChangeRow | undefined> {
    const { task } = change;
    const seen = this.known(task, task.revision - 1) ?? (await this.read(task, task.revision - 1));
    if (seen === undefined) return undefined;
    return rowOf(change, seen) ?? rowOf(change, seen, await this.readLengths(change));
  }

  private known({ spec }: Task, revision: number): string | undefined {
    return this.parts.heads.headOf(spec, revision);
  }

  /** Without knowledge of the insert, compares the times of the enqueue. */
  private async read({ spec, createdAt }: Task, revision: number): Promise<string | undefined> {
    const { heads } = this.parts;
    const present = await this.finder.findIn(spec.queue, spec.id);
    const head = present && heads.headOf(present.spec, revision);
    if (head === undefined) return undefined;
    return (heads.isInsert(spec, head) ?? present?.createdAt === createdAt) ? head : undefined;
  }

  private async readLengths({ task: { spec } }: Change): Promise<Lengths | undefined> {
    const [lengths] = await this.lengths.add([{ queue: spec.queue, id: spec.id }]);
    return lengths;
  }

  private async measure(rows: readonly RecordRow[]): Promise<readonly Lengths[]> {
    const { connection, keys } = this.parts;
    const reply = await connection.readScript(LENGTHS, {
      keys: rows.map(({ queue }) => keys.queue(queue)),
      args: rows.map(({ id }) => id),
    });
    return (reply as [number, number][]).map(([size, output]) => ({ size, output }));
  }
}

/** Reads the missing ones, usually none. */
async function rowsOf<Item, Row>(
  items: readonly Item[],
  { known, read }: { known: (item: Item) => Row | undefined; read: (item: Item) => Promise<Row | undefined> },
): Promise<readonly (Row | undefined)[]> {
  const rows = items.map(known);
  if (!rows.includes(undefined)) return rows;
  return Promise.all(items.map(async (item, index) => rows[index] ?? (await read(item))));
}

/** @param lengths what was read of them; without, there is no row for a task of which they would have to be known */
function rowOf(change: Change, seen: string, lengths?: Lengths): ChangeRow | undefined {
  const { task } = change;
  const present = readHead(seen);
  const encoded = encodeTask(task);
  const ended = change.ended === undefined ? '' : JSON.stringify(change.ended);
  const grown = Buffer.byteLength(ended) + (change.checkpoint?.growth ?? 0);
  const bytes = isFinalState(task.state)
    ? bytesOf(encoded, change, lengths ?? knownLengths(change, present), grown)
    : present.bytes;
  if (bytes === undefined) return undefined;
  const size = present.size === undefined ? undefined : present.size + grown;
  const place = placeAt(present.place, priorityOf(task));
  const next = nextHead({ ...present, size, place }, encoded, bytes);
  const moved = place === present.place ? '' : String(place);
  return { queue: task.spec.queue, change, encoded, ended, bytes, place: moved, seen, next };
}

/**
 * Bytes of an ended task that count towards the retention.
 *
 * @param grown of the attempt that ends, and of the checkpoint
 */
function bytesOf(
  { core }: EncodedTask,
  { output }: Change,
  lengths: Lengths | undefined,
  grown: number,
): number | undefined {
  if (lengths === undefined) return undefined;
  const ofOutput = output === undefined ? lengths.output : Buffer.byteLength(output);
  return lengths.size + grown + ofOutput + Buffer.byteLength(core);
}

/** Records of earlier versions lack their size, and a task with an earlier attempt may have an output. */
function knownLengths({ output }: Change, { size, bytes, attempt }: Head): Lengths | undefined {
  const mayHaveOutput = output === undefined && (bytes > 0 || attempt > 1);
  return size === undefined || mayHaveOutput ? undefined : { size, output: 0 };
}
