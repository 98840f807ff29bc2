import type { HeldTask } from './answers.js';
import type { KeptLease, Progress } from './api.generated.js';
import type { LeaseLossReason } from './errors.js';
import { type Milliseconds, steadyNow } from './steady-clock.js';
import { TaskStopped } from './verdicts.js';

/** A lease lasts three intervals, so two heartbeats in a row may be lost. */
const INTERVALS = 3;

/** An attempt of this worker: the task, its lease by the steady clock, and its stop signal. */
export class RunningTask {
  /** The lease is valid at least until then. */
  expiresAt: Milliseconds = 0;
  beatDueAt: Milliseconds = 0;
  /** Time between heartbeats. */
  interval: Milliseconds = 0;
  /** When the task's timeout ends. */
  readonly deadline: Milliseconds;
  /** The report of the end is pending. Its answer decides, not that of a heartbeat. */
  isReporting = false;
  /** Progress of the handler that the service has not received. */
  progress: Progress | undefined;
  /** A progress report is pending, or was sent less than a second ago. */
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

  /** Why the handler must stop. */
  get stopped(): TaskStopped | undefined {
    const reason: unknown = this.signal.reason;
    return reason instanceof TaskStopped ? reason : undefined;
  }

  /** Extends the lease, counted at least from `since`. */
  keep({ heartbeat_interval }: Pick<KeptLease, 'heartbeat_interval'>, since: Milliseconds): void {
    this.interval = heartbeat_interval * 1000;
    // Answers can arrive out of order. The later heartbeat decides.
    this.expiresAt = Math.max(this.expiresAt, since + this.interval * INTERVALS);
    this.beatDueAt = since + this.interval;
  }

  /** Stops the handler. Later reasons are ignored, and so is any reason after the report has begun. */
  stop(reason: TaskStopped): void {
    if (!this.signal.aborted && !this.isReporting) this.controller.abort(reason);
  }

  /** Ends the lease. */
  lose(reason: LeaseLossReason | undefined): void {
    const { eval_id: id } = this.task;
    if (reason === 'cancelled') this.stop(new TaskStopped('cancelled', `Task ${id} was cancelled`, reason));
    else
      this.stop(
        new TaskStopped('lease_lost', `The lease on task ${id} is lost: ${reason ?? 'unknown'}`, reason),
      );
  }
}
