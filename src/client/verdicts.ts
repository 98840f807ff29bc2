import { ClientError, type LeaseLossReason } from './errors.js';

/**
 * - `lease_lost`: another worker holds the task, or none does.
 * - `cancelled`: the task was cancelled.
 * - `deadline`: the task exceeded its `timeout`.
 * - `shutdown`: the worker is stopping and releases the task.
 */
export type StopCode = 'lease_lost' | 'cancelled' | 'deadline' | 'shutdown';

/** The reason of a task's signal. */
export class TaskStopped extends ClientError {
  constructor(
    readonly code: StopCode,
    message: string,
    /** With `lease_lost` and `cancelled`. */
    readonly reason?: LeaseLossReason,
  ) {
    super(message);
  }
}

/** Throw it from a handler when a retry cannot succeed. */
export class PermanentError extends ClientError {
  readonly code = 'permanent';

  constructor(
    message: string,
    readonly exitCode?: number,
    /** A short name for the reason, such as `model_refused`. */
    readonly causeName?: string,
  ) {
    super(message);
  }
}

/** Throw it from a handler to retry after this many seconds, if attempts are left. */
export class RetryLater extends ClientError {
  readonly code = 'retry_later';

  constructor(
    readonly seconds: number,
    message = `Retry in ${seconds} s`,
    readonly exitCode?: number,
    /** A short name for the reason, such as `rate_limited`. */
    readonly causeName?: string,
  ) {
    super(message);
  }
}

/**
 * Throw it from a handler that cannot run the task now through no fault of the task. The task returns to its queue and
 * no budget is spent.
 */
export class GiveBack extends ClientError {
  readonly code = 'give_back';

  constructor(
    message: string,
    /** Seconds before the task can be claimed again. */
    readonly delay = 0,
    /** A short name for the reason, such as `disk_full`. */
    readonly causeName?: string,
  ) {
    super(message);
  }
}

/** Throw it from a handler that knows the exit code of its program, or a name for the reason. */
export class AttemptFailed extends ClientError {
  readonly code = 'failed';

  constructor(
    message: string,
    readonly exitCode?: number,
    /** A short name for the reason, such as `oom`. */
    readonly causeName?: string,
  ) {
    super(message);
  }
}

/** The text of any thrown value, even when its `toString` or `message` throws. */
export function textOfError(error: unknown): string {
  try {
    const said: unknown = error instanceof Error ? error.message || error.name : error;
    return String(said);
  } catch {
    return `(a thrown ${typeof error} that has no text)`;
  }
}
