import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../task/clock.js';
import type { ClearMarks } from './clear-marks.js';
import type { Commits } from './commits.js';
import type { Puts } from './group-commit.js';
import type { QueueFiles } from './queue-files.js';
import type { RankedSet } from './ranked-set.js';
import type { TaskIndex } from './task-index.js';
import type { TaskNumber } from './task-number.js';
import type { StoredTask } from './task-record.js';

/** Tasks per commit: a few milliseconds of this thread, and few enough pages that no other write waits long. */
const TASKS_PER_SLICE = 100;
/** Rest after each slice, as a multiple of the slice's duration. Keeps the share of disk and processor small. */
const REST_PER_WORK = 1;
const LEAST_REST_MS = 2;
/** Upper bound: a slice can seem to take hours when the clock jumps or the machine sleeps. */
const LONGEST_REST_MS = 50;
/** Names that one turn searches for those of damaged records. */
const NAMES_PER_SLICE = 1_000;

/**
 * Removes cleared records from the file, in small commits with rests in between. It can stop at any moment: the marks
 * stay until no record is left, and the next start continues.
 */
export class TaskReclaimer {
  /** There may be one set per queue, so removing from the front would be slow. */
  private readonly pending: RankedSet[] = [];
  /**
   * Unreadable records. Only a search of all names finds the names that lead to them. Names are removed before records.
   */
  private readonly unreadable = new Set<TaskNumber>();
  private running: Promise<void> | undefined;
  private isStopped = false;
  /** Called after each commit that has removed records. */
  onReclaimed: () => void = () => undefined;

  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
    private readonly commits: Commits,
    private readonly marks: ClearMarks,
    private readonly clock: Clock,
  ) {}

  /** Adds the numbers of tasks that a mark covers. */
  add(numbers: readonly RankedSet[]): void {
    for (const each of numbers) this.pending.push(each);
    this.start();
  }

  /** Continues, also when only marks are left. */
  start(): void {
    const isNeeded = this.marks.latest > 0 && this.isGoing;
    if (this.running !== undefined || !isNeeded) return;
    this.running = this.run()
      // A failed write has stopped the store and was logged.
      .catch(() => undefined)
      .finally(() => {
        this.running = undefined;
        if (this.pending.length > 0) this.start();
      });
  }

  /** Resolves when the file holds no cleared record any more. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** Stops after the pending commit. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.idle();
  }

  private get isGoing(): boolean {
    return !this.isStopped && this.commits.isOpen;
  }

  private async run(): Promise<void> {
    while (this.isGoing) {
      const began = this.clock.now().steady;
      const numbers = this.nextSlice();
      if (numbers.length === 0 && this.unreadable.size === 0) {
        await this.forgetMarks();
        return;
      }
      if (numbers.length > 0) await this.reclaim(numbers);
      else await this.reclaimUnreadable();
      const rest = Math.max((this.clock.now().steady - began) * REST_PER_WORK, LEAST_REST_MS);
      await delay(Math.min(rest, LONGEST_REST_MS));
    }
  }

  private nextSlice(): readonly TaskNumber[] {
    const numbers: TaskNumber[] = [];
    while (numbers.length < TASKS_PER_SLICE) {
      const number = this.pending.at(-1)?.shift();
      if (number !== undefined) numbers.push(number);
      else if (this.pending.pop() === undefined) break;
    }
    return numbers;
  }

  private async reclaim(numbers: readonly TaskNumber[]): Promise<void> {
    const gone: (readonly [TaskNumber, StoredTask])[] = [];
    const puts: Puts[] = [];
    for (const number of numbers) {
      const stored = this.files.readCleared(number);
      if (stored === 'damaged') {
        this.unreadable.add(number);
        continue;
      }
      if (stored !== undefined) gone.push([number, stored]);
      puts.push(() => {
        this.files.reclaim(number, stored?.task.spec, this.isBusy);
      });
    }
    await this.commits.save(() => {
      for (const put of puts) put();
    });
    this.onReclaimed();
    this.files.quarantine.forget(gone.map(([number]) => number));
    for (const [number, { head, task }] of gone) {
      this.index.forgetDropped(number, head);
      if (task.spec.batchId !== undefined) this.index.batches.tidy(task.spec.batchId, head.queue);
    }
  }

  /** Removes the names first, because a number may be reused after a restart. */
  private async reclaimUnreadable(): Promise<void> {
    const numbers = [...this.unreadable];
    const isOfThese = (number: TaskNumber) => this.unreadable.has(number);
    for (const names of this.files.namesOf(isOfThese, NAMES_PER_SLICE)) {
      if (!this.isGoing) return;
      if (names.length === 0) await nextTurn();
      else
        await this.commits.save(() => {
          for (const { number, spec } of names) this.files.removeNames(number, spec, this.isBusy);
        });
      // The queues of these tasks are unknown. Their counts can be corrected only while the mark exists.
      for (const { spec } of names) if (spec.batchId !== undefined) this.index.batches.tidyAll(spec.batchId);
    }
    await this.commits.save(() => {
      for (const number of numbers) this.files.reclaim(number, undefined, this.isBusy);
    });
    this.onReclaimed();
    for (const number of numbers) this.unreadable.delete(number);
    this.files.quarantine.forget(numbers);
  }

  private readonly isBusy = (id: string): boolean => this.commits.isBusy(id);

  /** A clear in the meantime keeps its mark and has added its own records. */
  private async forgetMarks(): Promise<void> {
    const { latest } = this.marks;
    await this.commits.save(() => {
      this.files.removeClears(latest);
    });
    if (this.marks.latest === latest) this.marks.forget();
    else await this.run();
  }
}
