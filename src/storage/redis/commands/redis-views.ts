import type { Clock, Instant } from '../../../task/clock.js';
import type { Task } from '../../../task/task.js';
import { TASK_STATES, WAITING_STATES, type StateCounts, countIn } from '../../../task/task-state.js';
import { NextRead } from '../../next-read.js';
import { matchesFilter } from '../../task-filter.js';
import {
  type BatchCounts,
  type QueueCounts,
  type StoreTotals,
  type TaskFilter,
  type TaskPage,
  type TaskQuery,
  TaskViews,
} from '../../task-views.js';
import { LuaScript } from '../connection/lua-script.js';
import { inFlight } from '../connection/in-flight.js';
import { slicesOf } from '../connection/store-connection.js';
import type { StoreParts } from '../records/store-parts.js';
import type { TaskFinder } from './task-finder.js';
import { TaskPositions } from './task-positions.js';

/** Records that one page examines, so that a filter with few matches still answers soon. */
const SCAN_LIMIT = 5_000;
const CHUNK = 500;
/** Groups of queues that are read concurrently. */
const READS_IN_FLIGHT = 16;
/** Entries that one script of a list reads. */
const ENTRIES_PER_READ = 1_000;
/** Up to this many queues, totals are not cached. */
const QUEUES_COUNTED_ANEW = 1_000;
/** Milliseconds that totals are cached, for each queue. */
const REMEMBERED_MS = 0.1;
const CURSOR = /^([0-9]{1,16})-([A-Za-z0-9_-]{0,1000})$/;

const COUNT_STATES = new LuaScript('count-states', { isReadOnly: true });
const COUNT_BATCH = new LuaScript('count-batch', { isReadOnly: true });
const LIST = new LuaScript('list', { isReadOnly: true });

/** An entry of a list. Order: newest first, then by the name of the queue. */
interface Entry {
  readonly born: number;
  readonly queue: string;
  readonly id: string;
}

type Mark = Pick<Entry, 'born' | 'queue'>;

/** The position up to which a queue was read. */
interface Reach {
  readonly queue: string;
  readonly after: Mark | undefined;
}

interface Reached extends Reach {
  readonly after: Mark;
}

/** Lists and counts tasks without their payloads. */
export class RedisViews extends TaskViews {
  private readonly positions: TaskPositions;
  private known: { readonly totals: StoreTotals; readonly until: Instant } | undefined;
  private counting: Promise<StoreTotals> | undefined;
  private readonly reading = new NextRead(() => this.countQueues());

  constructor(
    private readonly parts: StoreParts,
    private readonly finder: TaskFinder,
    private readonly clock: Clock,
  ) {
    super();
    this.positions = new TaskPositions(parts);
  }

  async list(query: TaskQuery): Promise<TaskPage> {
    let mark = readCursor(query.cursor);
    const queues = query.queues === undefined ? await this.parts.names.all() : [...new Set(query.queues)];
    const tasks: Task[] = [];
    for (let seen = 0; seen < SCAN_LIMIT && tasks.length < query.limit; seen += CHUNK) {
      const size = isPlain(query) ? query.limit - tasks.length : CHUNK;
      const entries = await this.entriesAfter(mark, { filter: query, queues, size });
      const found = await this.finder.findAll(entries);
      const byId = new Map(found.map((task) => [task.spec.id, task]));
      for (const entry of entries) {
        const task = byId.get(entry.id);
        mark = entry;
        if (task !== undefined && matchesFilter(task, query)) tasks.push(task);
        if (tasks.length === query.limit) break;
      }
      if (entries.length < size && tasks.length < query.limit) return { tasks };
    }
    return { tasks, nextCursor: mark === undefined ? undefined : formatCursor(mark) };
  }

  counts(): Promise<readonly QueueCounts[]> {
    return this.reading.get();
  }

  position(task: Task): Promise<number | undefined> {
    return this.positions.of(task);
  }

  private async countQueues(): Promise<readonly QueueCounts[]> {
    const groups = this.parts.connection.groupsOf(await this.parts.names.all());
    const counts = await inFlight(groups, READS_IN_FLIGHT, async (group) =>
      (await this.countGroup(group)).filter(hasTasks),
    );
    return counts.flat();
  }

  override async countQueue(queue: string): Promise<QueueCounts | undefined> {
    return (await this.countGroup([queue])).find(hasTasks);
  }

  /**
   * A count reads every queue, so with more than 1,000 queues the sums are cached: with 100,000 for 10 s. Concurrent calls
   * share one count.
   */
  override async totals(): Promise<StoreTotals> {
    const now = this.clock.now().steady;
    if (this.known !== undefined && now < this.known.until) return this.known.totals;
    this.counting ??= this.countAll(now).finally(() => {
      this.counting = undefined;
    });
    return this.counting;
  }

  /** Discards cached sums, because another process may have changed tasks. */
  forgetTotals(): void {
    this.known = undefined;
  }

  private async countAll(now: Instant): Promise<StoreTotals> {
    const queues = await this.countQueues();
    let [queued, all] = [0, 0];
    for (const { counts } of queues) {
      queued += counts.queued;
      all += countIn(counts);
    }
    const isFew = queues.length <= QUEUES_COUNTED_ANEW;
    this.known = isFew ? undefined : { totals: { queued, all }, until: now + queues.length * REMEMBERED_MS };
    return { queued, all };
  }

  async depth(queue: string): Promise<number> {
    const [row] = await this.countGroup([queue]);
    return row === undefined ? 0 : countIn(row.counts, WAITING_STATES);
  }

  async countBatch(id: string, queues?: readonly string[]): Promise<readonly BatchCounts[]> {
    const groups = this.parts.connection.groupsOf(queues ?? (await this.parts.names.all()));
    const counts = await inFlight(groups, READS_IN_FLIGHT, async (group) =>
      (await this.countBatchIn(group, id)).filter(hasTasks),
    );
    return counts.flat();
  }

  private async countBatchIn(names: readonly string[], id: string): Promise<readonly BatchCounts[]> {
    const { connection, keys } = this.parts;
    const call = {
      keys: names.flatMap((name) => [
        keys.queue(name),
        keys.batchCounts(name, id),
        keys.oldBatchCounts(name, id),
      ]),
      args: [id, ...TASK_STATES],
    };
    const rows = (await connection.readScript(COUNT_BATCH, call)) as (string | number | null)[][];
    return names.map((queue, index) => {
      const counts = TASK_STATES.map((state, at) => [state, Number(rows[index]?.[at] ?? 0)]);
      return { queue, counts: Object.fromEntries(counts) as StateCounts };
    });
  }

  private async countGroup(names: readonly string[]): Promise<readonly QueueCounts[]> {
    const { connection, keys } = this.parts;
    const call = { keys: names.map((name) => keys.queue(name)), args: TASK_STATES };
    const rows = (await connection.readScript(COUNT_STATES, call)) as (number | string | null)[][];
    return names.map((queue, index) => {
      const row = rows[index] ?? [];
      const counts = Object.fromEntries(TASK_STATES.map((state, at) => [state, row[at] ?? 0]));
      const core = row[TASK_STATES.length];
      const oldest = typeof core === 'string' ? (JSON.parse(core) as { queuedAt?: number }) : undefined;
      return { queue, counts: counts as StateCounts, oldestQueuedAt: oldest?.queuedAt };
    });
  }

  /**
   * The next entries after the mark, of all queues together. Reads a few entries of each queue first, then more of the
   * queues that can have more of the next ones.
   */
  private async entriesAfter(
    mark: Mark | undefined,
    { filter, queues, size }: { filter: TaskFilter; queues: readonly string[]; size: number },
  ): Promise<readonly Entry[]> {
    let found: readonly Entry[] = [];
    let open: readonly Reach[] = queues.map((queue) => ({ queue, after: mark }));
    for (let each = Math.ceil((2 * size) / queues.length); open.length > 0; each *= 4) {
      const count = Math.min(each, size);
      const reached = await inFlight(this.readsOf(open, filter, count), READS_IN_FLIGHT, async (part) => {
        const lists = await this.readLists(part, filter, count);
        const entries = lists.flatMap((list) => list.entries);
        found = [...found, ...entries].toSorted(newestFirst).slice(0, size);
        return lists.flatMap(({ reach }) => reach ?? []);
      });
      const last = found.length < size ? undefined : found.at(-1);
      open = reached.flat().filter(({ after }) => last === undefined || newestFirst(after, last) < 0);
    }
    return found;
  }

  /** Queues grouped by script, so that each script reads at most `ENTRIES_PER_READ` entries. */
  private readsOf(open: readonly Reach[], filter: TaskFilter, count: number): readonly (readonly Reach[])[] {
    const entries = count * this.indicesOf(filter, '').length;
    const most = Math.max(Math.floor(ENTRIES_PER_READ / entries), 1);
    return this.parts.connection.groupsOf(open).flatMap((group) => slicesOf(group, most));
  }

  /** Reads all indices in one script, so that a task that changes its state is in exactly one of them. */
  private async readLists(
    open: readonly Reach[],
    filter: TaskFilter,
    count: number,
  ): Promise<readonly { readonly entries: readonly Entry[]; readonly reach: Reached | undefined }[]> {
    const indices = open.map(({ queue }) => this.indicesOf(filter, queue));
    const args = open.flatMap((reach, at) => (indices[at] ?? []).map(() => startOf(reach)));
    const call = { keys: indices.flat(), args: [count, ...args] };
    const rows = ((await this.parts.connection.readScript(LIST, call)) as string[][]).values();
    return open.map(({ queue }, at) => {
      const lists = (indices[at] ?? []).map(() => entriesOf(queue, rows.next().value ?? []));
      // Entries beyond this part can be younger than those of another index.
      const ends = lists.flatMap((list) => (list.length < count ? [] : (list.at(-1) ?? [])));
      const after = ends.toSorted(newestFirst)[0];
      const entries = lists.flat().filter(({ born }) => after === undefined || born >= after.born);
      return { entries, reach: after && { queue, after } };
    });
  }

  /** The indices that contain all tasks of the filter. */
  private indicesOf({ batchId, states }: TaskFilter, queue: string): readonly string[] {
    const { keys } = this.parts;
    if (batchId !== undefined) return [keys.batch(queue, batchId)];
    return [...new Set(states ?? TASK_STATES)].map((state) => keys.state(queue, state));
  }
}

function hasTasks({ counts }: Pick<QueueCounts, 'counts'>): boolean {
  return Object.values(counts).some((count) => count > 0);
}

/** The start of a list of a queue, as an argument of ZRANGE. */
function startOf({ queue, after }: Reach): string {
  return after === undefined ? '+inf' : `${queue > after.queue ? '' : '('}${after.born}`;
}

function entriesOf(queue: string, row: readonly string[]): readonly Entry[] {
  return row.flatMap((id, at) => (at % 2 === 0 ? [{ id, queue, born: Number(row[at + 1]) }] : []));
}

function newestFirst(one: Mark, other: Mark): number {
  return other.born - one.born || (one.queue < other.queue ? -1 : 1);
}

/** Whether every entry of the indices matches. */
function isPlain({ batchId, workerId, createdAfter, createdBefore }: TaskFilter): boolean {
  return [batchId, workerId, createdAfter, createdBefore].every((filter) => filter === undefined);
}

function formatCursor({ born, queue }: Mark): string {
  return `${born}-${Buffer.from(queue).toString('base64url')}`;
}

function readCursor(cursor: string | undefined): Mark | undefined {
  if (cursor === undefined) return undefined;
  const [, born, queue = ''] = CURSOR.exec(cursor) ?? [];
  if (born === undefined) throw new RangeError('This service did not issue the cursor');
  return { born: Number(born), queue: Buffer.from(queue, 'base64url').toString() };
}
