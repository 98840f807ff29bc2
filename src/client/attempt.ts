import type { HeldTask } from './answers.js';
import type { Failure, Progress, StoredArtifact } from './api.generated.js';
import type { ArtifactContent, ArtifactOptions } from './artifact-calls.js';
import type { RunningTask } from './running-task.js';
import { afterwards } from './steady-clock.js';
import { AttemptFailed, GiveBack, PermanentError, RetryLater, TaskStopped, textOfError } from './verdicts.js';

/** The handler's second argument. */
export interface TaskContext {
  /** Fires when the handler must stop; its reason is a `TaskStopped`. */
  readonly signal: AbortSignal;
  /** Reports progress and extends the lease. Never rejects. */
  readonly progress: (progress: Progress) => Promise<void>;
  /**
   * Saves any JSON value of up to 64 KiB, which the next attempt gets as `task.checkpoint`. Resolves when it is durable,
   * and extends the lease.
   *
   * @throws TaskStopped when the handler must stop; InvalidRequest for a value that the service rejects; TypeError
   */
  readonly checkpoint: (value: unknown) => Promise<void>;
  /**
   * Adds text, or bytes as they are, to the log of the attempt. The worker sends it within a second, and before the
   * result. Resolves when there is room for more, after five seconds at the latest. Never rejects.
   */
  readonly log: (text: string | Uint8Array) => Promise<void>;
  /** Stores an artifact of this attempt. Resolves when it is durable. @throws LeaseLost, ApiError */
  readonly putArtifact: (
    name: string,
    content: ArtifactContent,
    options?: ArtifactOptions,
  ) => Promise<StoredArtifact>;
}

/** Processes a task. The return value is the task's output; a thrown value is the task's error. */
export type Handler = (task: HeldTask, context: TaskContext) => unknown;

/** The result of an attempt as this worker sees it. */
export type Verdict =
  | { readonly kind: 'completed'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'released'; readonly reason?: string; readonly delay?: number; readonly cause?: string }
  | { readonly kind: 'lost' };

export interface AttemptOptions {
  readonly handler: Handler;
  readonly progress: TaskContext['progress'];
  readonly checkpoint: TaskContext['checkpoint'];
  readonly log: TaskContext['log'];
  readonly putArtifact: TaskContext['putArtifact'];
  /** Seconds that a handler has to return after its signal. After that the worker stops waiting for it. */
  readonly abandonAfter: number;
}

/** Runs the handler until it returns, or until it ignores its signal for too long. Never rejects. */
export async function attempt(running: RunningTask, options: AttemptOptions): Promise<Verdict> {
  const { task, signal } = running;
  if (running.stopped) return verdictOnStop(running.stopped);
  const { progress, checkpoint, log, putArtifact } = options;
  const context: TaskContext = { signal, progress, checkpoint, log, putArtifact };
  const endDeadline = stopAtDeadline(running);
  const abandonment = abandonAfter(options.abandonAfter, signal);
  try {
    const output = await Promise.race([handle(options.handler, task, context), abandonment.rejection]);
    return verdictOnReturn(running, output);
  } catch (error) {
    return verdictOnThrow(running, error);
  } finally {
    endDeadline();
    abandonment.end();
  }
}

/** Turns an error thrown before the first `await` into a rejection. */
async function handle(handler: Handler, task: HeldTask, context: TaskContext): Promise<unknown> {
  return await handler(task, context);
}

function stopAtDeadline(running: RunningTask): () => void {
  const { eval_id: id, timeout } = running.task;
  return afterwards(timeout * 1000, () => {
    running.stop(new TaskStopped('deadline', `Task ${id} ran for longer than ${timeout} s`));
  });
}

function abandonAfter(seconds: number, signal: AbortSignal): { rejection: Promise<never>; end: () => void } {
  let unsubscribe: () => void = () => undefined;
  let start: () => void = () => undefined;
  const rejection = new Promise<never>((_, reject) => {
    start = (): void => {
      unsubscribe = afterwards(seconds * 1000, () =>
        reject(new Error('The handler did not return after its signal')),
      );
    };
  });
  signal.addEventListener('abort', start, { once: true });
  const end = (): void => {
    unsubscribe();
    signal.removeEventListener('abort', start);
  };
  return { rejection, end };
}

function verdictOnReturn({ stopped }: RunningTask, output: unknown): Verdict {
  // A handler that finishes in spite of a shutdown has completed its task.
  if (stopped === undefined || stopped.code === 'shutdown') return { kind: 'completed', output };
  return verdictOnStop(stopped);
}

function verdictOnThrow({ stopped }: RunningTask, error: unknown): Verdict {
  if (stopped !== undefined) return verdictOnStop(stopped);
  if (error instanceof GiveBack)
    return { kind: 'released', reason: error.message, delay: error.delay, cause: error.causeName };
  return { kind: 'failed', failure: failureOf(error) };
}

function failureOf(error: unknown): Failure {
  const message = textOfError(error);
  if (error instanceof PermanentError) return { ...namedFailure(error), retryable: false };
  if (error instanceof RetryLater) return { ...namedFailure(error), retry_after: error.seconds };
  if (error instanceof AttemptFailed) return namedFailure(error);
  return { error: stackOf(error) ?? message };
}

function namedFailure(error: PermanentError | RetryLater | AttemptFailed): Failure {
  return { error: textOfError(error), exit_code: error.exitCode, cause: error.causeName };
}

function stackOf(error: unknown): string | undefined {
  try {
    const stack = error instanceof Error ? error.stack : undefined;
    return typeof stack === 'string' && stack !== '' ? ownFrames(stack) : undefined;
  } catch {
    return undefined;
  }
}

/** The stack without the frames of Node itself, which say nothing about the handler. */
function ownFrames(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => !/^\s+at .*\bnode:internal\//.test(line))
    .join('\n');
}

function verdictOnStop(stopped: TaskStopped): Verdict {
  switch (stopped.code) {
    case 'lease_lost':
    case 'cancelled':
      return { kind: 'lost' };
    case 'deadline':
      return { kind: 'failed', failure: { error: stopped.message, cause: 'timeout' } };
    case 'shutdown':
      return { kind: 'released' };
  }
}
