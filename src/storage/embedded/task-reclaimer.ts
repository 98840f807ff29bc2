import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../task/clock.js';
import type { ClearMarks } from './clear-marks.js';
import type { Commits } from './commits.js';
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

/**
 * Takes what was cleared out of the file, in small commits with rests in between. It stops at any moment: the marks stay
 * until nothing is left, so the next start goes on.
 */
export class TaskReclaimer {
  private readonly pending: RankedSet[] = [];
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
    this.pending.push(...numbers);
    this.start();
  }

  /** Goes on, also when all that is left are the marks. */
  start(): void {
    const isNeeded = this.marks.latest > 0 && !this.isStopped && this.commits.isOpen;
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

  private async run(): Promise<void> {
    while (!this.isStopped && this.commits.isOpen) {
      const began = this.clock.now().steady;
      const numbers = this.nextSlice();
      if (numbers.length === 0) {
        await this.forgetMarks();
        return;
      }
      await this.reclaim(numbers);
      const rest = Math.max((this.clock.now().steady - began) * REST_PER_WORK, LEAST_REST_MS);
      await delay(Math.min(rest, LONGEST_REST_MS));
    }
  }

  private nextSlice(): readonly TaskNumber[] {
    const numbers: TaskNumber[] = [];
    while (numbers.length < TASKS_PER_SLICE) {
      const number = this.pending[0]?.shift();
      if (number !== undefined) numbers.push(number);
      else if (this.pending.shift() === undefined) break;
    }
    return numbers;
  }

  private async reclaim(numbers: readonly TaskNumber[]): Promise<void> {
    const gone: (readonly [TaskNumber, StoredTask])[] = [];
    await this.commits.save(() => {
      for (const number of numbers) {
        const stored = this.files.readCleared(number);
        if (stored !== undefined) gone.push([number, stored]);
        this.files.reclaim(number, stored?.task.spec, (id) => this.commits.isBusy(id));
      }
    });
    for (const [number, { head, task }] of gone) {
      this.index.forgetDropped(number, head);
      if (task.spec.batchId !== undefined) this.index.batches.tidy(task.spec.batchId, head.queue);
    }
  }

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
