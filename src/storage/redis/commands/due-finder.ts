import { after, type Clock, type Instant } from '../../../task/clock.js';
import { isFinished, type Task } from '../../../task/task.js';
import type { StoreSettings } from '../../task-store.js';
import { inFlight } from '../connection/in-flight.js';
import { LuaScript } from '../connection/lua-script.js';
import type { TransitionFeed } from '../connection/transition-feed.js';
import { isSlotMoving } from '../connection/store-connection.js';
import type { StoreParts } from '../records/store-parts.js';
import { readHead } from '../records/task-codec.js';
import { retentionEnd } from '../../../task/task.machine.js';
import type { TaskReclaimer } from './task-reclaimer.js';

/** Reads of groups of queues that are in flight at a time. */
const READS_IN_FLIGHT = 16;
/** The most records that one script reads. */
const ROWS_PER_READ = 512;

const DUE = new LuaScript('due', { isReadOnly: true });

/** Times up to which deadlines, and ended tasks, are due. */
interface Limits {
  readonly wall: Instant | string;
  readonly steady: Instant | string;
  readonly ended: Instant | string;
  readonly limit: number;
}

interface Due {
  readonly task: Task;
  readonly bytes: number;
}

interface Reply {
  readonly queues: readonly Summary[];
  readonly due: readonly Due[];
}

interface Answers extends Reply {
  /** Whether queues could not be read, because their slots are being moved. */
  readonly isPartial: boolean;
}

/** Milliseconds until such queues are read again. */
const ASK_AGAIN_MS = 500;

type DueRow = readonly [queue: number, id: string, head: string | null, ...fields: (string | null)[]];

/** Finds tasks that a deadline changes. */
export class DueFinder {
  private readonly summaries = new DueSummaries();

  constructor(
    private readonly parts: StoreParts,
    private readonly clock: Clock,
    private readonly settings: StoreSettings,
    private readonly reclaimer: TaskReclaimer,
  ) {
    parts.commitFeed.add((transitions) => {
      for (const { task } of transitions) this.summaries.touch(task.spec.queue);
    });
  }

  /** Notes the changes of other processes. */
  follow(feed: TransitionFeed): void {
    feed.add({
      onTransitions: (all) => {
        for (const { queue } of all) this.summaries.touch(queue);
      },
      onGap: () => this.summaries.forget(),
      // A clear has no queue.
      onLimitsRelaxed: (queue) => {
        if (queue === undefined) this.summaries.forget();
      },
    });
  }

  async due(most: number): Promise<readonly Task[]> {
    const limit = Math.min(most, ROWS_PER_READ);
    const { wall, steady } = this.clock.now();
    const ended = after(wall, -this.settings.retention);
    const { queues, due } = await this.read({ wall, steady, ended, limit });
    const tasks = due.slice(0, limit).map(({ task }) => task);
    if (tasks.length < limit) tasks.push(...(await this.overLimits(queues, tasks, limit - tasks.length)));
    // The caller acts on them, and a removal publishes no event.
    for (const { spec } of tasks) this.summaries.touch(spec.queue);
    return tasks;
  }

  async untilDue(): Promise<number | undefined> {
    const { wall, steady } = this.clock.now();
    const { queues, isPartial } = await this.read({ wall, steady, ended: wall, limit: 0 });
    if (this.isOver(totalOf(queues))) return 0;
    let wait = isPartial ? ASK_AGAIN_MS : Infinity;
    for (const { nextOnWall, nextOnSteady, firstEnded } of queues) {
      const end = retentionEnd(firstEnded, this.settings.retention);
      wait = Math.min(wait, nextOnWall - wall, nextOnSteady - steady, end - wall);
    }
    return wait === Infinity ? undefined : Math.max(wait, 0);
  }

  /** The tasks that ended first, while more are kept than allowed. Those in `taken` are already gone. */
  private async overLimits(
    queues: readonly Summary[],
    taken: readonly Task[],
    limit: number,
  ): Promise<readonly Task[]> {
    if (!this.isOver(totalOf(queues))) return [];
    const goneIds = new Set(taken.filter(isFinished).map(({ spec }) => spec.id));
    const nothing = { wall: '-inf', steady: '-inf' };
    // The oldest tasks of all are in the queues with the oldest first tasks.
    const oldest = queues
      .filter(({ endedCount }) => endedCount > 0)
      .toSorted((one, other) => one.firstEnded - other.firstEnded)
      .slice(0, limit + goneIds.size);
    const pages = await Promise.all(
      oldest.map(({ queue }) =>
        this.readSome([queue], { ...nothing, ended: '+inf', limit: limit + goneIds.size }).catch(
          ignoreMovingSlot,
        ),
      ),
    );
    // Other processes remove from the same queues meanwhile.
    const fresh = new Map(pages.flatMap((page) => page?.queues ?? []).map((each) => [each.queue, each]));
    this.summaries.update([...fresh.values()]);
    const total = totalOf(queues.map((each) => fresh.get(each.queue) ?? each));
    const over: Task[] = [];
    for (const { task, bytes } of pages.flatMap((page) => page?.due ?? []).toSorted(byEndTime)) {
      const isGone = goneIds.has(task.spec.id);
      if (!isGone && (over.length === limit || !this.isOver(total))) break;
      if (!isGone) over.push(task);
      total.count -= 1;
      total.bytes -= bytes;
    }
    return over;
  }

  private isOver({ count, bytes }: { count: number; bytes: number }): boolean {
    return count > this.settings.retentionMaxTasks || bytes > this.settings.retentionMaxBytes;
  }

  /** Reads all queues. When there are many, only those with recent changes. */
  private async read(limits: Limits & { wall: Instant; ended: Instant }): Promise<Answers> {
    const { names } = this.parts;
    const { steady } = this.clock.now();
    if (this.summaries.isRoundOver(steady) || names.count <= FEW_QUEUES) {
      const all = await names.all();
      if (all.length <= FEW_QUEUES) return this.ask(all, limits);
      if (this.summaries.isRoundOver(steady)) this.summaries.beginRound(all, steady);
    }
    const asked = this.summaries.toAsk(steady, limits.limit > 0 ? limits : undefined);
    const { due, isPartial } = await this.ask(asked, limits);
    return { queues: this.summaries.all(), due, isPartial };
  }

  /** Skips queues whose slots are being moved. */
  private async ask(names: readonly string[], limits: Limits): Promise<Answers> {
    const groups = this.parts.connection.groupsOf(names);
    let answers: readonly (Reply | undefined)[];
    try {
      answers = await inFlight(groups, READS_IN_FLIGHT, (group) =>
        this.readSome(group, limits).catch(ignoreMovingSlot),
      );
    } catch (error) {
      for (const queue of names) this.summaries.touch(queue);
      throw error;
    }
    for (const [at, group] of groups.entries())
      if (answers[at] === undefined) for (const queue of group) this.summaries.touch(queue);
    const replies = answers.filter((each) => each !== undefined);
    const queues = replies.flatMap((reply) => reply.queues);
    if (names.length > 0) this.summaries.update(queues);
    return { queues, due: replies.flatMap(({ due }) => due), isPartial: replies.length < answers.length };
  }

  private async readSome(names: readonly string[], { wall, steady, ended, limit }: Limits): Promise<Reply> {
    const { connection, keys, heads, repairs } = this.parts;
    const call = { keys: names.map((name) => keys.queue(name)), args: [wall, steady, ended, limit] };
    const [rows, due] = (await connection.readScript(DUE, call)) as [(string | number)[][], DueRow[]];
    for (const [index, queue] of names.entries()) {
      const withoutHead = due.filter(([number, , head]) => number === index + 1 && head === null);
      const dangling = withoutHead.filter(([, , , cleared]) => cleared === null);
      if (dangling.length < withoutHead.length) await this.reclaimer.skim(queue);
      await repairs.repair(queue, [...new Set(dangling.map(([, id]) => id))]);
    }
    const queues = names.map((queue, index) => summaryOf(queue, rows[index] ?? []));
    this.reclaimer.find(queues.filter(({ hasCleared }) => hasCleared).map(({ queue }) => queue));
    return {
      queues,
      due: due.flatMap(([, , head, ...fields]) => {
        const task = heads.decode([head, ...fields]);
        return task === undefined || head === null ? [] : [{ task, bytes: readHead(head).bytes }];
      }),
    };
  }
}

function summaryOf(queue: string, row: readonly (string | number)[]): Summary {
  const [wall = '', steady = '', ended = '', count, bytes, cleared] = row;
  const instant = (text: string | number) => (text === '' ? Infinity : Number(text));
  return {
    queue,
    nextOnWall: instant(wall),
    nextOnSteady: instant(steady),
    firstEnded: instant(ended),
    endedCount: Number(count),
    endedBytes: Number(bytes),
    hasCleared: cleared === 1,
  };
}

function ignoreMovingSlot(error: unknown): undefined {
  if (!isSlotMoving(error)) throw error;
}

/** The bytes are unknown while cleared tasks are among them. Then no task is removed because of its bytes. */
function totalOf(queues: readonly Summary[]): { count: number; bytes: number } {
  const isKnown = queues.every(({ hasCleared }) => !hasCleared);
  return {
    count: queues.reduce((sum, { endedCount }) => sum + endedCount, 0),
    bytes: isKnown ? queues.reduce((sum, { endedBytes }) => sum + endedBytes, 0) : 0,
  };
}

function byEndTime({ task: one }: Due, { task: other }: Due): number {
  return isFinished(one) && isFinished(other) ? one.finishedAt - other.finishedAt : 0;
}

/** Up to this many queues, each search reads all of them. */
export const FEW_QUEUES = 256;
/** With more, each is read at least this often, in case a notification was lost. */
export const ROUND_MS = 60_000;

/** The next deadlines of a queue, and the size of its ended tasks. */
interface Summary {
  readonly queue: string;
  readonly nextOnWall: number;
  readonly nextOnSteady: number;
  readonly firstEnded: number;
  readonly endedCount: number;
  readonly endedBytes: number;
  /** Whether cleared tasks are not removed yet. Then the bytes can be too many, and the deadlines too early. */
  readonly hasCleared: boolean;
}

/** The times up to which tasks are due. */
interface DueLimits {
  readonly wall: Instant;
  readonly ended: Instant;
}

/**
 * The known deadlines of many queues. A queue is read again after a transition, while it has leases (a heartbeat can
 * shorten one without a transition), while cleared tasks are left in it, when its next deadline has come, and once a
 * round.
 */
class DueSummaries {
  private readonly known = new Map<string, Summary>();
  private readonly changed = new Set<string>();
  /** The queues left in the round, the next one last. */
  private rest: string[] = [];
  private roundSize = 0;
  private roundEnds: Instant = -Infinity;

  /** A task of this queue has changed. */
  touch(queue: string): void {
    this.changed.add(queue);
  }

  /** Notifications may be lost, so every queue is read again. */
  forget(): void {
    this.known.clear();
    this.roundEnds = -Infinity;
  }

  /** Whether the names of all queues must be read, for a new round. */
  isRoundOver(now: Instant): boolean {
    return now >= this.roundEnds || this.roundEnds > now + ROUND_MS;
  }

  beginRound(names: readonly string[], now: Instant): void {
    const present = new Set(names);
    for (const queue of this.known.keys()) if (!present.has(queue)) this.known.delete(queue);
    for (const queue of names) if (!this.known.has(queue)) this.changed.add(queue);
    this.rest = [...names];
    this.roundSize = names.length;
    this.roundEnds = now + ROUND_MS;
  }

  /** The queues to read now. Give those that could not be read to `touch`. */
  toAsk(now: Instant, limits?: DueLimits): readonly string[] {
    const asked = new Set(this.changed);
    this.changed.clear();
    if (limits !== undefined) {
      for (const summary of this.known.values()) if (mayBeDue(summary, limits)) asked.add(summary.queue);
      const share = Math.max((this.roundEnds - now) / ROUND_MS, 0);
      const keep = Math.ceil(this.roundSize * share);
      for (const queue of this.rest.splice(keep)) asked.add(queue);
    }
    return [...asked];
  }

  update(summaries: readonly Summary[]): void {
    for (const summary of summaries) this.known.set(summary.queue, summary);
  }

  all(): readonly Summary[] {
    return [...this.known.values()];
  }
}

function mayBeDue(
  { nextOnWall, nextOnSteady, firstEnded, hasCleared }: Summary,
  { wall, ended }: DueLimits,
): boolean {
  return hasCleared || nextOnWall <= wall || nextOnSteady < Infinity || firstEnded <= ended;
}
