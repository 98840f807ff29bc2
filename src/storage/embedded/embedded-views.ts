import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Instant } from '../../task/clock.js';
import { signatureOf } from '../../task/requirements.js';
import { priorityOf, type Task } from '../../task/task.js';
import { TASK_STATES, WAITING_STATES } from '../../task/task-state.js';
import { NextRead } from '../next-read.js';
import { matchesFilter } from '../task-filter.js';
import {
  type BatchCounts,
  type QueueCounts,
  type StoreTotals,
  type TaskPage,
  type TaskQuery,
  TaskViews,
} from '../task-views.js';
import type { BirthTimes } from './birth-times.js';
import type { Commits } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import type { RankedSet } from './ranked-set.js';
import type { TaskIndex, TaskNumber } from './task-index.js';
import type { TaskHead } from './task-record.js';

/** Records that one page examines, so that a filter with few matches still answers soon. */
const SCAN_LIMIT = 5_000;
/** Records that one turn examines: a few milliseconds. */
const LOOKS_PER_TURN = 500;
/** Queues that one turn counts. */
const QUEUES_PER_TURN = 1_000;
const CURSOR = /^[0-9a-z]{1,10}$/;

/** Merges several sets of numbers, youngest first, without duplicates. */
class Merge {
  /** A heap of the youngest number of each set below those already returned. */
  private readonly heads: { number: TaskNumber; readonly set: RankedSet }[] = [];

  constructor(sets: readonly RankedSet[], limit: TaskNumber) {
    for (const set of sets) this.push(set, limit);
  }

  next(): TaskNumber | undefined {
    const top = this.heads[0];
    if (top === undefined) return undefined;
    const { number } = top;
    while (this.heads[0]?.number === number) this.advance(number);
    return number;
  }

  private advance(limit: TaskNumber): void {
    const top = this.heads[0];
    const next = top?.set.below(limit);
    if (top !== undefined && next !== undefined) top.number = next;
    else {
      const last = this.heads.pop();
      if (last !== undefined && last !== top) this.heads[0] = last;
    }
    this.sink();
  }

  private push(set: RankedSet, limit: TaskNumber): void {
    const number = set.below(limit);
    if (number === undefined) return;
    let hole = this.heads.push({ number, set }) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.swapIfYounger(hole, parent)) return;
      hole = parent;
    }
  }

  private sink(): void {
    for (let hole = 0; ;) {
      const left = hole * 2 + 1;
      const right = left + 1;
      const isRight = (this.heads[right]?.number ?? -1) > (this.heads[left]?.number ?? -1);
      const child = isRight ? right : left;
      if (!this.swapIfYounger(child, hole)) return;
      hole = child;
    }
  }

  private swapIfYounger(lower: number, upper: number): boolean {
    const [below, above] = [this.heads[lower], this.heads[upper]];
    if (below === undefined || above === undefined || below.number <= above.number) return false;
    this.heads[lower] = above;
    this.heads[upper] = below;
    return true;
  }
}

interface ViewsParts {
  readonly files: QueueFiles;
  readonly index: TaskIndex;
  readonly commits: Commits;
  readonly births: BirthTimes;
}

/** Lists and counts tasks without their payloads, a bounded part per turn. */
export class EmbeddedViews extends TaskViews {
  private readonly counting = new NextRead(() => this.countAll());
  private readonly files: QueueFiles;
  private readonly index: TaskIndex;
  private readonly commits: Commits;
  private readonly births: BirthTimes;

  constructor({ files, index, commits, births }: ViewsParts) {
    super();
    this.files = files;
    this.index = index;
    this.commits = commits;
    this.births = births;
  }

  async list(query: TaskQuery): Promise<TaskPage> {
    await this.commits.opened();
    const tasks: Task[] = [];
    let last = readCursor(query.cursor);
    for (let seen = 0; seen < SCAN_LIMIT && tasks.length < query.limit;) {
      if (seen > 0) await nextTurn();
      const most = Math.min(SCAN_LIMIT - seen, LOOKS_PER_TURN);
      let looks = 0;
      for (const number of this.numbersBelow(last, query)) {
        last = number;
        looks += 1;
        const task = this.matching(number, query);
        if (task !== undefined) tasks.push(task);
        if (looks === most || tasks.length === query.limit) break;
      }
      seen += looks;
      if (looks < most && tasks.length < query.limit) return { tasks };
    }
    return { tasks, nextCursor: last.toString(36) };
  }

  async countBatch(id: string, queues?: readonly string[]): Promise<readonly BatchCounts[]> {
    await this.commits.opened();
    const counts = this.index.batches.countsOf(id);
    return queues === undefined ? counts : counts.filter(({ queue }) => queues.includes(queue));
  }

  async counts(): Promise<readonly QueueCounts[]> {
    await this.commits.opened();
    return this.counting.get();
  }

  private async countAll(): Promise<readonly QueueCounts[]> {
    const found: QueueCounts[] = [];
    let looks = 0;
    for (const queue of this.index.queueNames()) {
      looks += 1;
      if (looks % QUEUES_PER_TURN === 0) await nextTurn();
      const counts = this.countsOf(queue);
      if (counts !== undefined) found.push(counts);
    }
    return found;
  }

  override async countQueue(queue: string): Promise<QueueCounts | undefined> {
    await this.commits.opened();
    return this.countsOf(queue);
  }

  override async totals(): Promise<StoreTotals> {
    await this.commits.opened();
    return this.index.totals();
  }

  async depth(queue: string): Promise<number> {
    await this.commits.opened();
    return WAITING_STATES.reduce((depth, state) => depth + this.index.count(queue, state), 0);
  }

  async position(task: Task): Promise<number | undefined> {
    const { id, queue, group = '', requires } = task.spec;
    await this.commits.readable(id);
    const number = this.files.numberOf(task);
    const lane = { priority: priorityOf(task), group, signature: signatureOf(requires) };
    return number === undefined ? undefined : this.index.position(queue, lane, number, this.births.of);
  }

  private countsOf(queue: string): QueueCounts | undefined {
    return this.index.countsOf(queue, (number) => this.queuedAt(number));
  }

  private queuedAt(number: TaskNumber | undefined): Instant | undefined {
    const task = this.files.readSound(number);
    return task?.state === 'queued' ? task.queuedAt : undefined;
  }

  /** The numbers that a query must examine, youngest first. Iterate it within one turn. */
  private *numbersBelow(limit: TaskNumber, query: TaskQuery): Generator<TaskNumber> {
    const { queues, states = TASK_STATES, batchId } = query;
    if (batchId !== undefined) {
      yield* this.files.tasksOfBatch(batchId, limit);
      return;
    }
    const merge = new Merge(this.index.setsOf(queues, states), limit);
    for (let number = merge.next(); number !== undefined; number = merge.next()) yield number;
  }

  /** Reads the cheaper head first, which rules out most tasks that do not match. */
  private matching(number: TaskNumber, query: TaskQuery): Task | undefined {
    if (isNarrow(query) && !isWanted(this.files.soundHeadOf(number), query)) return undefined;
    const task = this.files.readSound(number);
    return task !== undefined && matchesFilter(task, query) ? task : undefined;
  }
}

function isNarrow({ states, queues, group }: TaskQuery): boolean {
  return states !== undefined || queues !== undefined || group !== undefined;
}

function isWanted(head: TaskHead | undefined, { states, queues, group }: TaskQuery): boolean {
  if (head === undefined || (states !== undefined && !states.includes(head.state))) return false;
  if (queues !== undefined && !queues.includes(head.queue)) return false;
  return group === undefined || head.group === group;
}

function readCursor(cursor: string | undefined): number {
  if (cursor === undefined) return Infinity;
  if (!CURSOR.test(cursor)) throw new RangeError('This service did not issue the cursor');
  return Number.parseInt(cursor, 36);
}
