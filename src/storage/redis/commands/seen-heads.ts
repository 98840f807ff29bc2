import { type Task } from '../../../task/task.js';
import { isFinalState } from '../../../task/task-state.js';
import type { Change } from '../../task-store.js';
import type { StoreParts } from '../records/store-parts.js';
import { type EncodedTask, encodeTask, type Head, nextHead, readHead } from '../records/task.codec.js';
import type { TaskFinder } from './task-finder.js';

/** A change, and what it is compared with. */
export interface ChangeRow {
  readonly queue: string;
  readonly change: Change;
  readonly encoded: EncodedTask;
  /** The attempt that it ends, as it is kept; empty for none. */
  readonly ended: string;
  /** That count for the retention. */
  readonly bytes: number;
  /** The head that was read. */
  readonly seen: string;
  /** The head that is written. */
  readonly next: string;
}

/** A task to remove, and what it is compared with. */
export interface TaskRow {
  readonly queue: string;
  readonly task: Task;
  readonly seen: string;
}

/** Lengths in bytes of what a record is made of. */
interface Lengths {
  readonly size: number;
  readonly output: number;
}

/**
 * Finds the head that each write is compared with. Mostly this process has read or written it; what it does not know it
 * reads. There is no row for a task that is not at the revision that the caller read any more.
 */
export class SeenHeads {
  constructor(
    private readonly parts: StoreParts,
    private readonly finder: TaskFinder,
  ) {}

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
    return this.parts.held.headOf(spec, revision) ?? this.parts.records.headOf(spec, revision);
  }

  /** Who knows nothing of the insert goes by the time of the enqueue. */
  private async read({ spec, createdAt }: Task, revision: number): Promise<string | undefined> {
    const { records } = this.parts;
    const present = await this.finder.findIn(spec.queue, spec.id);
    const head = present && records.headOf(present.spec, revision);
    if (head === undefined) return undefined;
    return (records.isInsert(spec, head) ?? present?.createdAt === createdAt) ? head : undefined;
  }

  private async readLengths({ task: { spec } }: Change): Promise<Lengths> {
    const { connection, keys } = this.parts;
    const key = keys.task(spec.queue, spec.id);
    const fields = await connection.read((client) => client.hkeys(key));
    const kept = ['spec', 'payload', ...fields.filter((field) => field.startsWith('attempt:'))];
    const [output = 0, ...sizes] = await connection.read((client) =>
      Promise.all(['output', ...kept].map((field) => client.hstrlen(key, field))),
    );
    return { size: sizes.reduce((sum, size) => sum + size, 0), output };
  }
}

/** Reads only what is not known: mostly nothing. */
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
  const grown = Buffer.byteLength(ended);
  const bytes = isFinalState(task.state)
    ? bytesOf(encoded, change, lengths ?? knownLengths(change, present), grown)
    : present.bytes;
  if (bytes === undefined) return undefined;
  const size = present.size === undefined ? undefined : present.size + grown;
  const next = nextHead({ ...present, size }, encoded, bytes);
  return { queue: task.spec.queue, change, encoded, ended, bytes, seen, next };
}

/**
 * Bytes that count for the retention of a task that ends.
 *
 * @param grown of the attempt that ends
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

/** Records of earlier versions do not have their size; and one that has had an attempt before may have an output. */
function knownLengths({ output }: Change, { size, bytes, attempt }: Head): Lengths | undefined {
  const mayHaveOutput = output === undefined && (bytes > 0 || attempt > 1);
  return size === undefined || mayHaveOutput ? undefined : { size, output: 0 };
}
