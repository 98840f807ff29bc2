/**
 * The complete state machine of a task, as pure functions. A task, a command and the time give the next task, or an
 * error when the command is not allowed. `docs/lifecycle.md` describes the same with a picture.
 *
 * A repeated command returns `undefined`: there is nothing to write, and the caller repeats the first answer.
 */
import { CUT_MARK, summaryOf } from './error-summary.js';
import { after, type Instant, isAhead, type Moment, type Seconds } from './clock.js';
import { retryDelay } from './retry-policy.js';
import {
  type Attempt,
  type AttemptOutcome,
  type CancelledTask,
  type CompletedTask,
  type DelayedTask,
  type ExpiredTask,
  type FailedTask,
  isFinished,
  priorityOf,
  type LastAttempt,
  type Lease,
  type ProcessingTask,
  type Progress,
  type QueuedTask,
  type Task,
  type TaskSpec,
  type TransitionType,
} from './task.js';
import { isRedrivableState } from './task-state.js';
import {
  LeaseLost,
  type LeaseLostReason,
  NotClaimed,
  NotRedrivable,
  NotWaiting,
  TaskEnded,
  TaskNotFinished,
} from './task.errors.js';

/** One transition: the task after it, its type, and the attempt it ended. */
export interface Transition<T extends Task = Task> {
  readonly task: T;
  readonly type: TransitionType;
  readonly at: Instant;
  readonly ended?: Attempt;
}

/** The lease terms of a claim. */
export interface Grant {
  readonly leaseId: string;
  readonly workerId?: string;
  readonly claimId?: string;
  /** The lease length that the worker requested; by default the task's timeout plus `grace`. */
  readonly lease?: Seconds;
  readonly grace: Seconds;
}

export interface Heartbeat {
  readonly leaseId: string;
  /** Minimum remaining time from now; by default the lease length. Never shortens the lease. */
  readonly extend?: Seconds;
  readonly progress?: Progress;
  /** Size of the checkpoint that the worker saves with it. */
  readonly checkpointBytes?: number;
}

export interface Completion {
  readonly leaseId?: string;
}

export interface Failure {
  readonly leaseId?: string;
  readonly error?: string;
  readonly exitCode?: number;
  /** The worker's name for the reason, such as `oom`. */
  readonly cause?: string;
  /** `false` discards the remaining attempts. */
  readonly isRetryable?: boolean;
  /** Overrides the backoff. */
  readonly retryAfter?: Seconds;
  /** `lost`: the infrastructure failed, not the task. Spends an interruption instead of a failure. */
  readonly outcome?: 'failed' | 'lost';
  /** The queue is in an outage: with `lost`, no interruption is spent. */
  readonly isSpared?: boolean;
  /** From 0 up to, not including, 1; used for jitter. */
  readonly random: number;
  /** Size of the checkpoint that the worker saves with it. */
  readonly checkpointBytes?: number;
}

export interface Release {
  readonly leaseId: string;
  readonly delay?: Seconds;
  readonly reason?: string;
  readonly cause?: string;
  /** Size of the checkpoint that the worker saves with it. */
  readonly checkpointBytes?: number;
}

export interface Redrive {
  /** Drops the checkpoint, so that the next attempt starts from the beginning. */
  readonly isReset?: boolean;
}

/** Longest error excerpt in a task, in characters. */
export const ERROR_EXCERPT_LENGTH = 1000;

// ---------------------------------------------------------------------------------------------- commands

/** Creates a task: delayed, or ready at once. */
export function create(spec: TaskSpec, now: Moment): Transition<DelayedTask | QueuedTask> {
  const base = {
    spec,
    createdAt: now.wall,
    revision: 1,
    sequence: 1,
    attempt: 0,
    failures: 0,
    interruptions: 0,
    ...limitsOf(spec, now),
  };
  const runAt = spec.runAt ?? after(now.wall, spec.delay ?? 0);
  return runAt > now.wall
    ? { task: extend(base, { state: 'delayed', runAt }), type: 'delayed', at: now.wall }
    : { task: extend(base, { state: 'queued', queuedAt: now.wall }), type: 'queued', at: now.wall };
}

/** The latest start and the deadline of a task that is enqueued or redriven now. No attempt starts after the deadline. */
function limitsOf({ ttl, expiresAt, deadline, deadlineAt }: TaskSpec, now: Moment) {
  const end = deadlineAt ?? (deadline === undefined ? undefined : after(now.wall, deadline));
  return {
    startBy: earlier(expiresAt ?? (ttl === undefined ? undefined : after(now.wall, ttl)), end),
    deadlineAt: end,
  };
}

function earlier(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

/** Leases a ready task to one worker. The caller selects the task, and calls `tick` first when it may be due. */
export function claim(task: QueuedTask, grant: Grant, now: Moment): Transition<ProcessingTask> {
  const next: ProcessingTask = extend(advance(task), {
    state: 'processing',
    attempt: task.attempt + 1,
    queuedAt: task.queuedAt,
    startedAt: now.wall,
    lease: grantLease({ timeout: task.spec.timeout, deadlineAt: task.deadlineAt }, grant, now),
  });
  return { task: next, type: 'processing', at: now.wall };
}

/** What limits the lease of a task. */
export interface Span {
  readonly timeout: Seconds;
  readonly deadlineAt?: Instant;
}

/** The lease that a claim grants. It never outlasts the deadline of the task. */
export function grantLease({ timeout, deadlineAt }: Span, grant: Grant, now: Moment): Lease {
  const length = grant.lease ?? timeout + grant.grace;
  const left = untilDeadline(deadlineAt, now);
  const isCut = left < length * 1000;
  return {
    id: grant.leaseId,
    workerId: grant.workerId,
    claimId: grant.claimId,
    startedAt: now.wall,
    length,
    expiresAt: isCut ? now.steady + left : after(now.steady, length),
    beatAt: isCut || isClockSet(now) ? now.wall : undefined,
    remaining: isCut ? left / 1000 : undefined,
  };
}

/** Milliseconds until the deadline; `Infinity` without one. */
function untilDeadline(deadlineAt: Instant | undefined, now: Moment): number {
  return deadlineAt === undefined ? Infinity : deadlineAt - now.wall;
}

/** Whether the wall clock was set since the store opened: until then both scales agree. */
function isClockSet({ wall, steady }: Moment): boolean {
  return isAhead(wall, steady) || isAhead(steady, wall);
}

/** Extends the lease. Not a transition: no event, no new sequence. */
export function heartbeat(task: Task, beat: Heartbeat, now: Moment): ProcessingTask {
  const held = requireLease(task, beat.leaseId, now);
  const { length } = held.lease;
  const latest = now.steady + untilDeadline(held.deadlineAt, now);
  const extended = Math.max(held.lease.expiresAt, after(now.steady, beat.extend ?? length));
  const expiresAt = Math.min(extended, latest);
  const remaining = (expiresAt - now.steady) / 1000;
  const lease = extend(extend({}, held.lease), {
    expiresAt,
    beatAt: now.wall,
    remaining: remaining === length ? undefined : remaining,
    progress: beat.progress ?? held.lease.progress,
  });
  const checkpoint = savedBy(held, beat);
  return extend(extend({}, held), { revision: held.revision + 1, lease, checkpoint });
}

/** The checkpoint after a report: a new one if the report has one, else the one before. */
function savedBy(task: Task, { checkpointBytes: bytes }: Pick<Heartbeat, 'checkpointBytes'>) {
  return bytes === undefined ? task.checkpoint : { attempt: task.attempt, bytes };
}

/** When the lease ends, in wall time as read when the lease was granted or last extended. */
export function leaseEnd({ beatAt, expiresAt, length, remaining }: Lease): Instant {
  return beatAt === undefined ? expiresAt : after(beatAt, remaining ?? length);
}

/** The longest extension that is believed of a record that does not state it. */
const LONGEST_EXTENSION: Seconds = 86_400;

/** How long the lease lasted when it was granted or last extended. Earlier versions recorded no extension. */
function lastsFor({ startedAt, beatAt, expiresAt, length, remaining }: Lease): Seconds {
  if (beatAt !== undefined) return remaining ?? length;
  return Math.max(length, Math.min((expiresAt - startedAt) / 1000, LONGEST_EXTENSION));
}

/**
 * Corrects a lease that ends later, or earlier, than its length allows. The wall clock was set since the grant, or the
 * process that granted it had its own steady scale.
 *
 * The corrected lease ends at its wall time, and lasts at most its length from now. Not a transition. `undefined` when
 * the lease needs no correction.
 */
export function withPlausibleLease(task: Task, now: Moment): ProcessingTask | undefined {
  if (task.state !== 'processing') return undefined;
  const { startedAt, beatAt = startedAt, expiresAt } = task.lease;
  const isFromAhead = Math.max(startedAt, beatAt) > now.wall;
  const onWall = isFromAhead ? -Infinity : leaseEnd(task.lease) + now.steady - now.wall;
  const believed = Math.min(Math.max(expiresAt, onWall), after(now.steady, lastsFor(task.lease)));
  if (!isAhead(expiresAt, believed) && !isAhead(believed, expiresAt)) return undefined;
  const lease = extend(extend({}, task.lease), {
    startedAt: Math.min(startedAt, now.wall),
    expiresAt: believed,
    beatAt: now.wall,
    remaining: (believed - now.steady) / 1000,
  });
  return extend(extend({}, task), { revision: task.revision + 1, lease });
}

/**
 * Corrects a waiting task whose wait was computed by a clock that ran ahead: a delay, backoff or start deadline
 * restarts now. Absolute times that a producer set are kept. Not a transition. `undefined` when the task needs no
 * correction.
 */
export function withPlausibleWait(task: Task, now: Moment): DelayedTask | QueuedTask | undefined {
  if (task.state !== 'delayed' && task.state !== 'queued') return undefined;
  const latest = limitsOf(task.spec, now);
  const startBy = plausibleLimit(task.startBy, latest.startBy);
  const deadlineAt = plausibleLimit(task.deadlineAt, latest.deadlineAt);
  const runAt = task.state === 'delayed' ? plausibleStart(task, now) : undefined;
  const areLimitsBelieved = startBy === task.startBy && deadlineAt === task.deadlineAt;
  if (areLimitsBelieved && (task.state === 'queued' || runAt === task.runAt)) return undefined;
  const changed = extend(extend({}, task), { startBy, deadlineAt, revision: task.revision + 1 });
  if (changed.state === 'queued' || runAt === undefined) return changed;
  return extend(changed, { runAt, since: changed.since === undefined ? undefined : now.wall });
}

/** A limit that a wrong clock set later than one set now could be. */
function plausibleLimit(limit: Instant | undefined, latest: Instant | undefined): Instant | undefined {
  return latest !== undefined && isAhead(limit, latest) ? latest : limit;
}

function plausibleStart({ spec, attempt, runAt, since }: DelayedTask, now: Moment): Instant {
  // The spec holds the wait before the first attempt; later waits begin at the recorded `since`.
  if (attempt === 0) {
    const latest = spec.delay === undefined ? Infinity : after(now.wall, spec.delay);
    return isAhead(runAt, latest) ? latest : runAt;
  }
  return since !== undefined && isAhead(since, now.wall) ? now.wall + runAt - since : runAt;
}

/** Ends the task as a success. */
export function complete(task: Task, done: Completion, now: Moment): Transition<CompletedTask> | undefined {
  if (isRepeated(task, done.leaseId, 'completed')) return undefined;
  requireFinishable(task, done.leaseId, now);
  const { ended, last } = endAttempt(task, { outcome: 'completed' }, now);
  const end = { state: 'completed', finishedAt: now.wall, last } as const;
  // No later attempt can need the checkpoint.
  const next: CompletedTask = extend(advance(task), { ...end, checkpoint: undefined });
  return { task: next, type: 'completed', at: now.wall, ended };
}

/** Ends the attempt as a failure: the task waits for its next attempt or becomes a dead letter. */
export function fail(task: Task, failure: Failure, now: Moment): Transition | undefined {
  const outcome = failure.outcome ?? 'failed';
  if (isRepeated(task, failure.leaseId, outcome)) return undefined;
  requireFinishable(task, failure.leaseId, now);
  const { error, exitCode, cause } = failure;
  const isSpared = outcome === 'lost' && failure.isSpared === true;
  const { ended, last } = endAttempt(task, { outcome, error, exitCode, cause, isSpared }, now);
  const next = extend(advance(task), { last, checkpoint: savedBy(task, failure) });
  if (outcome === 'lost') {
    const { retryAfter, random } = failure;
    return extend(interrupt(next, { isSpared, retryAfter, random }, now), { ended });
  }

  const failures = task.failures + 1;
  const hasAttemptsLeft = failure.isRetryable !== false && failures < task.spec.maxAttempts;
  if (!hasAttemptsLeft) {
    const end = { failures, state: 'failed', outcome: 'failed', finishedAt: now.wall } as const;
    const dead: FailedTask = extend(next, end);
    return { task: dead, type: 'failed', at: now.wall, ended };
  }
  const wait = failure.retryAfter ?? retryDelay(task.spec.backoff, failures, failure.random);
  return { task: waitAgain(extend(next, { failures }), wait, now), type: 'retrying', at: now.wall, ended };
}

/** Returns the task unfinished to its old place; no budget is spent. */
export function release(task: Task, given: Release, now: Moment): Transition | undefined {
  if (isRepeated(task, given.leaseId, 'released')) return undefined;
  const held = requireLease(task, given.leaseId, now);
  const { reason: error, cause } = given;
  const { ended, last } = endAttempt(held, { outcome: 'released', error, cause }, now);
  const checkpoint = savedBy(held, given);
  const next = waitAgain(extend(advance(held), { last, checkpoint }), given.delay ?? 0, now);
  return { task: next, type: 'released', at: now.wall, ended };
}

/** Ends the task at once, even while a worker holds it. */
export function cancel(
  task: Task,
  reason: string | undefined,
  now: Moment,
): Transition<CancelledTask> | undefined {
  if (task.state === 'cancelled') return undefined;
  if (isFinished(task)) throw new TaskEnded(task.spec.id, task.state);
  const stopped =
    task.state === 'processing' ? endAttempt(task, { outcome: 'cancelled', error: reason }, now) : undefined;
  const next: CancelledTask = extend(advance(task), {
    state: 'cancelled',
    finishedAt: now.wall,
    last: stopped?.last ?? task.last,
    reason,
  });
  return { task: next, type: 'cancelled', at: now.wall, ended: stopped?.ended };
}

/**
 * Changes the priority of a waiting task, which keeps its place by age. `undefined`: it has this priority.
 *
 * @throws NotWaiting
 */
export function reprioritize(
  task: Task,
  priority: number,
  now: Moment,
): Transition<DelayedTask | QueuedTask> | undefined {
  if (task.state !== 'delayed' && task.state !== 'queued') throw new NotWaiting(task.spec.id, task.state);
  if (priorityOf(task) === priority) return undefined;
  const next = extend(extend({}, task), {
    priority: priority === task.spec.priority ? undefined : priority,
    revision: task.revision + 1,
    sequence: task.sequence + 1,
  });
  return { task: next, type: 'reprioritized', at: now.wall };
}

/**
 * Queues a dead letter again in its old place by age, with fresh budgets. The attempt counter continues. The checkpoint
 * stays unless the redrive resets it.
 */
export function redrive(task: Task, now: Moment, { isReset = false }: Redrive = {}): Transition<QueuedTask> {
  if (!isRedrivableState(task.state)) throw new NotRedrivable(task.spec.id, task.state);
  const next: QueuedTask = extend(advance(task), {
    state: 'queued',
    queuedAt: now.wall,
    failures: 0,
    interruptions: 0,
    spared: undefined,
    interruptedAt: undefined,
    ...limitsOf(withoutPast(task.spec, now), now),
    checkpoint: isReset ? undefined : task.checkpoint,
  });
  return { task: next, type: 'queued', at: now.wall };
}

/** A fixed time in the past would expire a redriven task at once; it no longer counts. */
function withoutPast(spec: TaskSpec, now: Moment): TaskSpec {
  const isPast = (time: Instant | undefined) => time !== undefined && time <= now.wall;
  return {
    ...spec,
    expiresAt: isPast(spec.expiresAt) ? undefined : spec.expiresAt,
    deadlineAt: isPast(spec.deadlineAt) ? undefined : spec.deadlineAt,
  };
}

/** Rejects the removal of a task that has not ended. */
export function requireFinished(task: Task): void {
  if (!isFinished(task)) throw new TaskNotFinished(task.spec.id, task.state);
}

// ---------------------------------------------------------------------------------------------- time

/** A deadline and its time scale. */
export interface Due {
  readonly at: Instant;
  readonly scale: keyof Moment;
}

/**
 * The next time-driven change of the task: its start, its expiry, or the end of its lease or retention.
 *
 * @param retention how long ended tasks are kept
 */
export function dueAt(task: Task, retention: Seconds): Due | undefined {
  switch (task.state) {
    case 'delayed':
      return { at: Math.min(task.runAt, task.startBy ?? Infinity), scale: 'wall' };
    case 'queued':
      return task.startBy === undefined ? undefined : { at: task.startBy, scale: 'wall' };
    case 'processing':
      return { at: task.lease.expiresAt, scale: 'steady' };
    case 'completed':
    case 'failed':
    case 'cancelled':
    case 'expired':
      return { at: retentionEnd(task.finishedAt, retention), scale: 'wall' };
  }
}

/** When a task that ended at `finishedAt` may be removed. */
export function retentionEnd(finishedAt: Instant, retention: Seconds): Instant {
  return after(finishedAt, retention);
}

/** Facts besides the task and the time that decide what a deadline does. */
export interface Circumstances {
  /** The queue of the task is in an outage: a lost lease spends no interruption. */
  readonly isSpared?: boolean;
}

/** Applies the passing of time; `undefined` when no change is due. Ended tasks stay as they are. */
export function tick(
  task: Task,
  now: Moment,
  { isSpared = false }: Circumstances = {},
): Transition | undefined {
  switch (task.state) {
    case 'delayed':
      if (isPastStart(task, now)) return expire(task, now);
      if (task.runAt > now.wall) return undefined;
      return {
        task: extend(advance(task), { state: 'queued', queuedAt: now.wall }),
        type: 'queued',
        at: now.wall,
      };
    case 'queued':
      return isPastStart(task, now) ? expire(task, now) : undefined;
    case 'processing': {
      if (task.lease.expiresAt > now.steady) return undefined;
      if (untilDeadline(task.deadlineAt, now) < 1) return endAtDeadline(task, now);
      const { ended, last } = endAttempt(task, { outcome: 'lost', isSpared }, now);
      const loss = { isSpared, random: shareOf(task.lease.id) };
      return extend(interrupt(extend(advance(task), { last }), loss, now), { ended });
    }
    case 'completed':
    case 'failed':
    case 'cancelled':
    case 'expired':
      return undefined;
  }
}

// ---------------------------------------------------------------------------------------------- parts

type Core = ReturnType<typeof advance>;

/** The fields that the next state inherits, with the transition counted. */
function advance(task: Task) {
  const { spec, createdAt, attempt, failures, interruptions, startedAt, last, checkpoint } = task;
  const { startBy, deadlineAt, spared, interruptedAt, priority } = task;
  const revision = task.revision + 1;
  const sequence = task.sequence + 1;
  const counters = { attempt, failures, interruptions, spared, interruptedAt, revision, sequence };
  return { spec, priority, createdAt, ...counters, startBy, deadlineAt, startedAt, last, checkpoint };
}

/**
 * Adds fields to an object that has no other reference. A spread would create a hidden class per object, which costs V8
 * one or two microseconds and leaves long-lived garbage. `Object.assign` costs less than a tenth of that (Node 20).
 */
function extend<Base extends object, const Fields extends object>(base: Base, fields: Fields): Base & Fields {
  return Object.assign(base, fields);
}

function isPastStart(task: DelayedTask | QueuedTask, now: Moment): boolean {
  return task.startBy !== undefined && task.startBy <= now.wall;
}

function expire(task: DelayedTask | QueuedTask, now: Moment): Transition<ExpiredTask> {
  const next: ExpiredTask = extend(advance(task), { state: 'expired', finishedAt: now.wall });
  return { task: next, type: 'expired', at: now.wall };
}

/** No budget is spent: the time of the task is. */
function endAtDeadline(task: ProcessingTask, now: Moment): Transition<FailedTask> {
  const { ended, last } = endAttempt(task, { outcome: 'deadline' }, now);
  const end = { state: 'failed', outcome: 'deadline', finishedAt: now.wall, last } as const;
  const dead: FailedTask = extend(advance(task), end);
  return { task: dead, type: 'failed', at: now.wall, ended };
}

interface Interruption {
  readonly isSpared: boolean;
  /** Overrides the backoff. */
  readonly retryAfter?: Seconds;
  readonly random: number;
}

/**
 * Handles a lost lease: the task returns to the queue while interruptions are left, else it becomes a dead letter. The
 * first loss returns it at once, and later ones by its backoff, so that no outage can spend a budget in seconds.
 */
function interrupt(
  core: Core,
  { isSpared, retryAfter, random }: Interruption,
  now: Moment,
): Transition<DelayedTask | QueuedTask | FailedTask> {
  const interruptions = core.interruptions + (isSpared ? 0 : 1);
  if (isSpared || interruptions <= core.spec.maxInterruptions) {
    const spared = isSpared ? (core.spared ?? 0) + 1 : core.spared;
    const losses = interruptions + (spared ?? 0);
    const wait = retryAfter ?? (losses === 1 ? 0 : retryDelay(core.spec.backoff, losses - 1, random));
    const interruptedAt = isSpared ? core.interruptedAt : now.wall;
    const next = waitAgain(extend(core, { interruptions, spared, interruptedAt }), wait, now);
    return { task: next, type: 'lost', at: now.wall };
  }
  const end = { interruptions, state: 'failed', outcome: 'lost', finishedAt: now.wall } as const;
  const dead: FailedTask = extend(core, end);
  return { task: dead, type: 'failed', at: now.wall };
}

/** A number from 0 up to, not including, 1 that is always the same for a text: a FNV-1a hash. */
function shareOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}

/**
 * Gives back the latest interruption when it turns out to be part of an outage that began at `since`. Not a transition.
 * `undefined` when there is nothing to give back.
 */
export function spare(task: Task, since: Instant): Task | undefined {
  const { interruptedAt, interruptions, spared = 0 } = task;
  const isPart = interruptedAt !== undefined && interruptedAt >= since && interruptions > 0;
  if (!isPart || isFinished(task)) return undefined;
  return extend(extend({}, task), {
    interruptions: interruptions - 1,
    spared: spared + 1,
    interruptedAt: undefined,
    revision: task.revision + 1,
  });
}

function waitAgain(core: Core, wait: Seconds, now: Moment): DelayedTask | QueuedTask {
  return wait > 0
    ? extend(core, { state: 'delayed', runAt: after(now.wall, wait), since: now.wall })
    : extend(core, { state: 'queued', queuedAt: now.wall });
}

/** The task, provided that this lease holds it now. */
export function requireLease(task: Task, leaseId: string, now: Moment): ProcessingTask {
  const isHolder = task.state === 'processing' && task.lease.id === leaseId;
  if (!isHolder) throw new LeaseLost(task.spec.id, lostReason(task, leaseId));
  if (task.lease.expiresAt <= now.steady) throw new LeaseLost(task.spec.id, 'expired');
  return task;
}

function lostReason(task: Task, leaseId: string): LeaseLostReason {
  if (task.state === 'processing') return 'reassigned';
  // A late report without a lease hides which attempt was the latest. No worker has claimed the task since.
  if (task.last?.leaseId === undefined) return 'expired';
  if (task.last.leaseId !== leaseId) return 'reassigned';
  return task.last.outcome === 'cancelled' ? 'cancelled' : 'expired';
}

/**
 * Rejects a report that may not end the attempt. A given lease must be the current one. Workers without leases may
 * report on a claimed task that has not ended; the service cannot verify who holds it.
 */
function requireFinishable(task: Task, leaseId: string | undefined, now: Moment): void {
  if (leaseId !== undefined) {
    requireLease(task, leaseId, now);
    return;
  }
  if (isFinished(task)) throw new TaskEnded(task.spec.id, task.state);
  if (task.attempt === 0) throw new NotClaimed(task.spec.id);
}

/** Whether the report repeats one that already ended this attempt in the same way. */
function isRepeated(task: Task, leaseId: string | undefined, outcome: AttemptOutcome): boolean {
  if (task.state === 'processing') return false;
  if (leaseId !== undefined) return task.last?.leaseId === leaseId && task.last.outcome === outcome;
  if (isFinished(task)) return task.state === (outcome === 'completed' ? 'completed' : 'failed');
  // A lost attempt may later be reported as failed. It cannot be lost twice, and a failure counts once.
  return outcome !== 'completed' && (task.last?.outcome === 'failed' || task.last?.outcome === outcome);
}

interface Ending {
  readonly outcome: AttemptOutcome;
  readonly error?: string;
  readonly exitCode?: number;
  readonly cause?: string;
  readonly isSpared?: boolean;
}

/** The record of the attempt that ends now. A late report uses the last attempt, whose lease has ended. */
function endAttempt(task: Task, ending: Ending, now: Moment): { ended: Attempt; last: LastAttempt } {
  const { outcome, error, exitCode, cause, isSpared = false } = ending;
  const lease = task.state === 'processing' ? task.lease : undefined;
  const workerId = lease === undefined ? task.last?.workerId : lease.workerId;
  const ended: Attempt = {
    attempt: task.attempt,
    workerId,
    startedAt: task.startedAt ?? now.wall,
    endedAt: now.wall,
    outcome,
    error,
    exitCode,
    cause,
    progress: lease?.progress,
    isSpared: isSpared ? true : undefined,
  };
  return { ended, last: extend({ leaseId: lease?.id, workerId, outcome, exitCode, cause }, excerpt(error)) };
}

/** Longest summary line in an excerpt, in characters. */
const SUMMARY_LENGTH = 300;

/** The beginning of an error, plus its summary line when the beginning does not contain it. */
function excerpt(error: string | undefined): Pick<LastAttempt, 'error' | 'isErrorCut'> {
  if (error === undefined || error.length <= ERROR_EXCERPT_LENGTH) return { error };
  const summary = shortSummary(error);
  const beginning = whole(error.slice(0, ERROR_EXCERPT_LENGTH));
  if (shortSummary(beginning) === summary) return { error: beginning, isErrorCut: true };
  const end = `\n${CUT_MARK}\n${summary}`;
  return { error: whole(error.slice(0, ERROR_EXCERPT_LENGTH - end.length)) + end, isErrorCut: true };
}

function shortSummary(error: string): string {
  return whole(summaryOf(error).slice(0, SUMMARY_LENGTH));
}

/** Drops a trailing half of a surrogate pair, which is not valid in UTF-8. */
function whole(text: string): string {
  return text.replace(/[\uD800-\uDBFF]$/, '');
}
