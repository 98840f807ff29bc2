import type { HeldTask } from './answers.js';
import type { KeptLease, Progress } from './api.generated.js';
import type { LeaseLossReason } from './errors.js';
import { type Milliseconds, steadyNow } from './steady-clock.js';
import { TaskStopped } from './verdicts.js';

/** A lease is three intervals long: two heartbeats in a row may be lost. */
const INTERVALS = 3;

/** An attempt that this worker carries out: the task, its lease by the steady clock, and the signal that stops it. */
export class RunningTask {
  /** The lease holds until then at least. */
  expiresAt: Milliseconds = 0;
  beatDueAt: Milliseconds = 0;
  /** How long one heartbeat lasts. */
  interval: Milliseconds = 0;
  /** Its timeout is over then. */
  readonly deadline: Milliseconds;
  /** Its end is on its way to the service, whose answer to that decides, not that to a heartbeat. */
  isReporting = false;
  /** Said by its work and not told to the service yet. */
  progress: Progress | undefined;
  /** A report of progress is under way, or was less than a second ago. */
  isTelling = false;
  private readonly controller = new AbortController();

  /** @param since a moment before the service granted the lease */
  constructor(
    readonly task: HeldTask,
    since: Milliseconds,
  ) {
    this.deadline = steadyNow() + task.timeout * 1000;
    this.keep(task, since);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Why it is to stop. */
  get stopped(): TaskStopped | undefined {
    const reason: unknown = this.signal.reason;
    return reason instanceof TaskStopped ? reason : undefined;
  }

  /** The lease goes on, from this moment on at least. */
  keep({ heartbeat_interval }: Pick<KeptLease, 'heartbeat_interval'>, since: Milliseconds): void {
    this.interval = heartbeat_interval * 1000;
    // Answers may overtake each other: the later of two heartbeats decides.
    this.expiresAt = Math.max(this.expiresAt, since + this.interval * INTERVALS);
    this.beatDueAt = since + this.interval;
  }

  /** Only the first reason counts, and none when the work has ended and that is being reported. */
  stop(reason: TaskStopped): void {
    if (!this.signal.aborted && !this.isReporting) this.controller.abort(reason);
  }

  /** The lease is over. */
  lose(reason: LeaseLossReason | undefined): void {
    const { eval_id: id } = this.task;
    if (reason === 'cancelled') this.stop(new TaskStopped('cancelled', `Task ${id} was cancelled`, reason));
    else
      this.stop(
        new TaskStopped('lease_lost', `The lease on task ${id} is lost: ${reason ?? 'unknown'}`, reason),
      );
  }
}
