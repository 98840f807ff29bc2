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

/** The most tasks that one script removes without a mark, and the most queues of a script. */
const AT_ONCE = 32;
const QUEUES_PER_MARK = 32;
/** The most marks of a queue, because every read of a task checks all of them. */
const MOST_MARKS = 16;
/** Milliseconds before a retry for a queue with too many marks that another process reclaims. */
const ASK_AGAIN_MS = 20;

type MarkReply = readonly [
  counts: readonly number[],
  rows: readonly RemovedRow[],
  dangling: readonly DanglingEntry[],
];

/**
 * Clears any number of tasks by a mark in each queue. One short script hides the tasks and counts them. `TaskReclaimer`
 * removes them in the background.
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

  /** Returns the number of cleared tasks. */
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
      // A part of the clear may have happened.
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

  /** Returns the number of cleared tasks, and the queues to retry when some of their marks are gone. */
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

  /** Notifies every process of a clear. */
  private async announce(generation: number): Promise<void> {
    const { connection, keys } = this.parts;
    this.onCleared(generation);
    await connection.write((client) => client.publish(keys.generation, generation.toString()));
  }
}

const CLEAR = new LuaScript('clear', { runsWhenFull: true });

/** A removed task. The number of its queue counts from 1. */
type RemovedRow = readonly [queue: number, id: string, nonce: string];

type ClearReply = readonly [
  rows: readonly RemovedRow[],
  births: readonly string[],
  dangling: readonly DanglingEntry[],
];

/** The result of one step of a clear. */
interface Cleared {
  readonly count: number;
  /** The birth of the youngest task of each queue at the begin of the clear. */
  readonly births: readonly string[];
  /** Whether more tasks may be left. */
  readonly isCut: boolean;
}

/** Removes tasks in steps, without marks, while processes are connected that do not know marks. */
class StepClearer {
  constructor(private readonly parts: StoreParts) {}

  /** Tasks enqueued during the clear stay: it removes only tasks born before its first step. */
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

/** The directory entries to remove. */
function entriesOf(rows: readonly RemovedRow[], names: readonly string[]) {
  return rows.map(([queue, id, nonce]) => ({
    id,
    from: { queue: names[queue - 1] ?? '', nonce },
    to: undefined,
  }));
}

/**
 * Detects connected processes of a version that does not know marks (ADR 36) and would see cleared tasks. Every process
 * subscribes to the transitions. A process that knows marks subscribes to a further channel in the same command.
 */
class OlderProcesses {
  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** Also true when Redis does not permit the question. */
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

/** In a Cluster, a process can be subscribed at any node. */
function nodesOf(client: Redis | Cluster): readonly Redis[] {
  return 'nodes' in client ? client.nodes('all') : [client];
}

const COUNT = new LuaScript('count-clear', { runsWhenFull: true, hasOneKey: true });

/**
 * The number of clears by all processes, which is the generation of the store. It never goes back: after a failover
 * that lost some, the processes restore the highest number that they know.
 */
export class ClearCount {
  private latest = 0;

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** The highest number that this process knows. */
  get known(): number {
    return this.latest;
  }

  learn(count: number): void {
    if (count > this.latest) this.latest = count;
  }

  /** Counts one more clear. @throws StoreUnavailable */
  add(): Promise<number> {
    return this.run(1);
  }

  /** Reads the number from Redis, which can be higher than the one that this process knows. @throws StoreUnavailable */
  async read(): Promise<number> {
    return Math.max(await this.ask(), this.latest);
  }

  /** Brings this process and Redis to the same number. @throws StoreUnavailable */
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
