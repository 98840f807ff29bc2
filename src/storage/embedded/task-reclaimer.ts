import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../task/clock.js';
import type { ClearMarks } from './clear-marks.js';
import type { Commits } from './commits.js';
import type { Puts } from './group-commit.js';
import type { QueueFiles } from './queue-files.js';
import type { RankedSet } from './ranked-set.js';
import type { TaskIndex } from './task-index.js';
import type { TaskNumber } from './task-number.js';
import type { StoredTask } from './task.record.js';

/** Tasks in one commit: a few milliseconds of this thread, and few enough pages that no other write waits long. */
const TASKS_PER_SLICE = 100;
/** Waits this many times as long as a slice took, so that it takes a small share of the disk and of the processor. */
const REST_PER_WORK = 1;
const LEAST_REST_MS = 2;
/** A slice seems to have taken hours when the clock jumps, or the machine sleeps, meanwhile. */
const LONGEST_REST_MS = 50;
/** Names that one turn looks through for those of damaged records. */
const NAMES_PER_SLICE = 1_000;

/**
 * Takes what was cleared out of the file, in small commits with rests in between. It stops at any moment: the marks stay
 * until nothing is left, so the next start goes on.
 */
export class TaskReclaimer {
  /** There may be as many as there are queues, so nothing is taken out at the front. */
  private readonly pending: RankedSet[] = [];
  /** Records that cannot be read: only a look at all names tells which lead to them. They go after their names. */
  private readonly unreadable = new Set<TaskNumber>();
  private running: Promise<void> | undefined;
  private isStopped = false;

  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
    private readonly commits: Commits,
    private readonly marks: ClearMarks,
    private readonly clock: Clock,
  ) {}

  /** Takes numbers of tasks that a mark covers. */
  add(numbers: readonly RankedSet[]): void {
    for (const each of numbers) this.pending.push(each);
    this.start();
  }

  /** Goes on, also when all that is left are the marks. */
  start(): void {
    const isNeeded = this.marks.latest > 0 && this.isGoing;
    if (this.running !== undefined || !isNeeded) return;
    this.running = this.run()
      // A failed write has ended the store, and was told.
      .catch(() => undefined)
      .finally(() => {
        this.running = undefined;
        if (this.pending.length > 0) this.start();
      });
  }

  /** Resolves when nothing that was cleared is left in the file. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** Stops after the commit that is under way. */
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
    this.files.quarantine.forget(gone.map(([number]) => number));
    for (const [number, { head, task }] of gone) {
      this.index.forgetDropped(number, head);
      if (task.spec.batchId !== undefined) this.index.batches.tidy(task.spec.batchId, head.queue);
    }
  }

  /** First all that leads to them: a number may be given out again after a restart. */
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
      // Nobody knows the queues of these. As long as the mark is there what they counted can be put right.
      for (const { spec } of names) if (spec.batchId !== undefined) this.index.batches.tidyAll(spec.batchId);
    }
    await this.commits.save(() => {
      for (const number of numbers) this.files.reclaim(number, undefined, this.isBusy);
    });
    for (const number of numbers) this.unreadable.delete(number);
    this.files.quarantine.forget(numbers);
  }

  private readonly isBusy = (id: string): boolean => this.commits.isBusy(id);

  /** A clear that comes meanwhile keeps its mark, and has added what is to be done. */
  private async forgetMarks(): Promise<void> {
    const { latest } = this.marks;
    await this.commits.save(() => {
      this.files.removeClears(latest);
    });
    if (this.marks.latest === latest) this.marks.forget();
    else await this.run();
  }
}
