import { setTimeout as pause } from 'node:timers/promises';
import { TASK_STATES } from '../../../task/task-state.js';
import type { TaskFilter } from '../../task-views.js';
import { LuaScript } from '../connection/lua-script.js';
import type { DanglingEntry } from '../records/repairs.js';
import { afterWrites, type StoreConnection, slicesOf } from '../connection/store-connection.js';
import type { StoreParts } from '../records/store-parts.js';
import { FENCE_MS, type Keys } from '../records/keys.js';
import type { TaskReclaimer } from './task-reclaimer.js';
import { ROWS_PER_STEP } from '../connection/pipeline.js';
import type { Cluster, Redis } from 'ioredis';

const MARK = new LuaScript('mark', { runsWhenFull: true });

/** Tasks that one script removes without a mark, and queues that it looks at. */
const AT_ONCE = 32;
const QUEUES_PER_MARK = 32;
/** Marks that a queue may have: every look at a task looks at all of them. */
const MOST_MARKS = 16;
/** Before a queue is asked again that has as many, and that another process reclaims. */
const ASK_AGAIN_MS = 20;

type MarkReply = readonly [
  counts: readonly number[],
  rows: readonly RemovedRow[],
  dangling: readonly DanglingEntry[],
];

/**
 * Clears any number of tasks by a mark in each queue, which takes them out of sight in one short script and says how many
 * they are. What the marks have taken is removed in the background, see `TaskReclaimer`.
 */
export class TaskClearer {
  private readonly steps: StepClearer;
  private readonly older: OlderProcesses;

  /**
   * @param onCleared receives the generation of each clear once all its tasks are hidden
   * @param atOnce the most tasks that are removed without a mark
   */
  constructor(
    private readonly parts: StoreParts,
    private readonly reclaimer: TaskReclaimer,
    private readonly clears: ClearCount,
    private readonly onCleared: (generation: number) => void,
    private readonly atOnce = AT_ONCE,
  ) {
    this.steps = new StepClearer(parts);
    this.older = new OlderProcesses(parts.connection, parts.keys);
  }

  /** Answers how many tasks that were. */
  async clear({ states = TASK_STATES, queues }: Pick<TaskFilter, 'states' | 'queues'>): Promise<number> {
    const { connection, names } = this.parts;
    const groups = connection
      .groupsOf([...new Set(queues ?? (await names.all()))])
      .flatMap((group) => slicesOf(group, QUEUES_PER_MARK));
    const generation = await this.clears.add();
    let sum = 0;
    try {
      if (states.length > 0) {
        const hasOlder = await this.older.areConnected();
        for (const group of groups) {
          const cleared = hasOlder ? this.steps.clear(group, states) : this.clearGroup(group, states);
          sum += await (sum === 0 ? cleared : afterWrites(cleared));
        }
      }
    } catch (error) {
      // A part of it may have been done.
      await this.announce(generation).catch(() => undefined);
      throw error;
    }
    await afterWrites(this.announce(generation));
    return sum;
  }

  private async clearGroup(names: readonly string[], states: readonly string[]): Promise<number> {
    let sum = 0;
    for (let left = names; left.length > 0;) {
      const marking = this.mark(left, states);
      const { count, full } = await (sum === 0 ? marking : afterWrites(marking));
      sum += count;
      left = full;
      for (const queue of full) {
        if (!(await afterWrites(this.reclaimer.reclaim(queue)))) await pause(ASK_AGAIN_MS);
      }
    }
    return sum;
  }

  /** Answers how many tasks that were, and the queues to ask again when some of their marks are gone. */
  private async mark(
    names: readonly string[],
    states: readonly string[],
  ): Promise<{ readonly count: number; readonly full: readonly string[] }> {
    const { connection, keys, directory, repairs } = this.parts;
    const call = {
      keys: names.map((name) => keys.queue(name)),
      args: [FENCE_MS, this.atOnce, MOST_MARKS, ...new Set(states)],
    };
    const [counts, rows, dangling] = await connection.writeScript(MARK, call, (reply) => reply as MarkReply);
    repairs.logRemoved(dangling);
    this.reclaimer.start(names.filter((_, index) => (counts[index] ?? 0) > 0));
    await afterWrites(directory.exchange(entriesOf(rows, names)));
    const marked = counts.reduce((sum, each) => sum + Math.max(each, 0), 0);
    return { count: rows.length + marked, full: names.filter((_, index) => counts[index] === -1) };
  }

  /** Tells every process of a clear. */
  private async announce(generation: number): Promise<void> {
    const { connection, keys } = this.parts;
    this.onCleared(generation);
    await connection.write((client) => client.publish(keys.generation, generation.toString()));
  }
}

const CLEAR = new LuaScript('clear', { runsWhenFull: true });

/** A task that a script has removed: the number of its queue, counted from 1. */
type RemovedRow = readonly [queue: number, id: string, nonce: string];

type ClearReply = readonly [
  rows: readonly RemovedRow[],
  births: readonly string[],
  dangling: readonly DanglingEntry[],
];

/** What one step of a clear has done. */
interface Cleared {
  readonly count: number;
  /** Of the youngest task of each queue when the clear began. */
  readonly births: readonly string[];
  /** There may be more. */
  readonly isCut: boolean;
}

/** Removes tasks in steps, without marks: while processes are connected that do not know them. */
class StepClearer {
  constructor(private readonly parts: StoreParts) {}

  /** Tasks that come while it goes on are left alone: what is removed was born before the first step. */
  async clear(names: readonly string[], states: readonly string[]): Promise<number> {
    let step = await this.clearSome(names, states);
    const { births } = step;
    let { count } = step;
    while (step.isCut) {
      step = await afterWrites(this.clearSome(names, states, births));
      count += step.count;
    }
    return count;
  }

  private async clearSome(
    names: readonly string[],
    states: readonly string[],
    until: readonly string[] = [],
  ): Promise<Cleared> {
    const { connection, keys, directory, repairs } = this.parts;
    const call = {
      keys: names.map((name) => keys.queue(name)),
      args: [FENCE_MS, ROWS_PER_STEP, states.length, ...states, ...until],
    };
    const [rows, births, dangling] = await connection.writeScript(
      CLEAR,
      call,
      (reply) => reply as ClearReply,
    );
    repairs.logRemoved(dangling);
    await afterWrites(directory.exchange(entriesOf(rows, names)));
    return { count: rows.length, births, isCut: rows.length + dangling.length === ROWS_PER_STEP };
  }
}

/** The entries of the directory to forget. */
function entriesOf(rows: readonly RemovedRow[], names: readonly string[]) {
  return rows.map(([queue, id, nonce]) => ({
    id,
    from: { queue: names[queue - 1] ?? '', nonce },
    to: undefined,
  }));
}

/**
 * Finds out whether a process of a version is connected that does not know marks (ADR 36): it would see and change what
 * was cleared. Every process listens for moves, and those that know marks listen on one channel more, in one command.
 */
class OlderProcesses {
  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** True as well when Redis does not let this process ask. */
  async areConnected(): Promise<boolean> {
    const { moves, marks } = this.keys;
    try {
      const counts = await this.connection.read((client) =>
        Promise.all(nodesOf(client).map((node) => node.pubsub('NUMSUB', moves, marks))),
      );
      return counts.some(([, all, , known]) => all !== known);
    } catch {
      return true;
    }
  }
}

/** In a Cluster a process may listen at any node. */
function nodesOf(client: Redis | Cluster): readonly Redis[] {
  return 'nodes' in client ? client.nodes('all') : [client];
}

const COUNT = new LuaScript('count-clear', { runsWhenFull: true, hasOneKey: true });

/**
 * The number of clears that all processes have made, which is the generation of the store. It never goes back: after a
 * failover that lost some, the processes give Redis the highest number that they know.
 */
export class ClearCount {
  private latest = 0;

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** The highest number that this process has heard of. */
  get known(): number {
    return this.latest;
  }

  learn(count: number): void {
    if (count > this.latest) this.latest = count;
  }

  /** Counts one clear more. @throws StoreUnavailable */
  add(): Promise<number> {
    return this.run(1);
  }

  /** Asks Redis, which may know more clears than this process has heard of. @throws StoreUnavailable */
  async read(): Promise<number> {
    return Math.max(await this.ask(), this.latest);
  }

  /** Makes this process and Redis know the same. @throws StoreUnavailable */
  async level(): Promise<void> {
    const count = await this.ask();
    this.learn(count < this.latest ? await this.run(0) : count);
  }

  private async ask(): Promise<number> {
    return Number((await this.connection.read((client) => client.get(this.keys.generation))) ?? 0);
  }

  private run(clears: 0 | 1): Promise<number> {
    const call = { keys: [this.keys.generation], args: [this.latest, clears] };
    return this.connection.writeScript(COUNT, call, Number);
  }
}
