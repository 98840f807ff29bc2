import { setTimeout as pause } from 'node:timers/promises';
import { TASK_STATES } from '../../../task/task-state.js';
import type { TaskFilter } from '../../task-store.js';
import type { ClearCount } from './clear-count.js';
import { LuaScript } from '../connection/lua-script.js';
import { OlderProcesses } from './older-processes.js';
import type { DanglingEntry } from '../records/repairs.js';
import { entriesOf, type RemovedRow, StepClearer } from './step-clearer.js';
import { afterWrites } from '../connection/store-connection.js';
import { slicesOf } from '../connection/slices.js';
import { FENCE_MS, type StoreParts } from '../records/store-parts.js';
import type { TaskReclaimer } from './task-reclaimer.js';

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
   * @param onCleared told the number of each clear when all that it takes is out of sight
   * @param atOnce so many tasks are removed without a mark
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
    repairs.tell(dangling);
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
