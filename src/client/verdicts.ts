import { ClientError, type LeaseLossReason } from './errors.js';

/**
 * - `lease_lost`: the task is somebody else's or nobody's.
 * - `cancelled`: nobody wants it any more.
 * - `deadline`: it ran for longer than its `timeout`.
 * - `shutdown`: the worker ends and gives it back.
 */
export type StopCode = 'lease_lost' | 'cancelled' | 'deadline' | 'shutdown';

/** The reason of a task's signal: why its work is to stop. */
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

/** Thrown by a handler: trying again would not help. */
export class PermanentError extends ClientError {
  readonly code = 'permanent';

  constructor(
    message: string,
    readonly exitCode?: number,
  ) {
    super(message);
  }
}

/** Thrown by a handler: try again after this many seconds, if attempts are left. */
export class RetryLater extends ClientError {
  readonly code = 'retry_later';

  constructor(
    readonly seconds: number,
    message = `To be tried again in ${seconds} s`,
    readonly exitCode?: number,
  ) {
    super(message);
  }
}

/** Thrown by a handler that cannot run the task now, for no fault of the task: it goes back and no budget is spent. */
export class GiveBack extends ClientError {
  readonly code = 'give_back';

  constructor(
    message: string,
    /** Seconds before it is handed out again. */
    readonly delay = 0,
  ) {
    super(message);
  }
}

/** Thrown by a handler that knows the exit code of what it ran. */
export class AttemptFailed extends ClientError {
  readonly code = 'failed';

  constructor(
    message: string,
    readonly exitCode?: number,
  ) {
    super(message);
  }
}

/** The text of anything that was thrown, whatever its `toString` or `message` do. */
export function textOfError(error: unknown): string {
  try {
    const said: unknown = error instanceof Error ? error.message || error.name : error;
    return String(said);
  } catch {
    return `(a thrown ${typeof error} that has no text)`;
  }
}
