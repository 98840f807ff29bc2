/**
 * Rules that recognize an outage by the recent attempts of a queue. They exclude tasks that kill their workers.
 *
 * Interruptions during an outage spend no budget, so a network fault cannot make dead letters.
 */
import type { Instant, Seconds } from './clock.js';

export interface OutageGuard {
  /** The guard judges the attempts that ended within this time. */
  readonly window: Seconds;
  /** With fewer ended attempts there is no outage. */
  readonly minAttempts: number;
  /** The least share of interruptions of an outage. */
  readonly share: number;
}

export const DEFAULT_OUTAGE_GUARD: OutageGuard = { window: 60, minAttempts: 10, share: 0.8 };

/** One attempt that an interruption ended. */
export interface Interruption {
  readonly at: Instant;
  readonly taskId: string;
  readonly workerId?: string;
}

/** The recent ends of attempts of a queue. */
export interface Endings {
  readonly interruptions: readonly Interruption[];
  /** The number of attempts that completed or failed, by the first millisecond of the second. */
  readonly ordinary: ReadonlyMap<Instant, number>;
}

/** An outage of a queue. */
export interface Outage {
  /** The first interruption that belongs to it. */
  readonly since: Instant;
  /** When it was recognized. */
  readonly foundAt: Instant;
  /** When it was over; absent while it lasts. */
  readonly until?: Instant;
}

/** Milliseconds between two probes: during an outage, the queue hands out one task in this time. */
export const PROBE_INTERVAL_MS = 1_000;

const SECOND_MS = 1_000;
/** Attempts that complete or fail in this last part of the window end an outage. */
const RECENT_PART = 4;

export function isOngoing(outage: Outage | undefined): boolean {
  return outage !== undefined && outage.until === undefined;
}

/** The second of `Endings.ordinary` that an instant belongs to. */
export function secondOf(at: Instant): Instant {
  return Math.floor(at / SECOND_MS) * SECOND_MS;
}

/**
 * The outage after these endings; the same object when nothing changed.
 *
 * An outage begins when enough attempts ended in the window, enough of them by interruptions, on at least two workers.
 * Each task counts once, so a task that kills its workers is not an outage. The outage ends after a whole window without
 * interruptions, or when attempts complete or fail again. Endings before the end of an outage do not begin another one.
 */
export function judgeOutage(
  endings: Endings,
  { window, minAttempts, share }: OutageGuard,
  { before, now }: { readonly before: Outage | undefined; readonly now: Instant },
): Outage | undefined {
  const from = now - window * 1000;
  if (before === undefined || before.until !== undefined) {
    const { interruptions, tasks, all } = within(endings, Math.max(from, before?.until ?? -Infinity));
    const workers = new Set(interruptions.map(({ workerId }) => workerId));
    const isOutage = all >= minAttempts && tasks >= share * all && workers.size >= 2;
    if (!isOutage) return before;
    return { since: Math.min(...interruptions.map(({ at }) => at)), foundAt: now };
  }
  const isQuiet = within(endings, from).tasks === 0 && before.foundAt < from;
  const recent = within(endings, Math.max(before.foundAt, now - (window * 1000) / RECENT_PART));
  const isOrdinary = recent.all > recent.tasks && recent.tasks < share * recent.all;
  return isQuiet || isOrdinary ? { ...before, until: now } : before;
}

/** The endings after an instant: interrupted tasks, and all attempts with each of these tasks once. */
function within({ interruptions, ordinary }: Endings, from: Instant) {
  const lately = interruptions.filter(({ at }) => at > from);
  const tasks = new Set(lately.map(({ taskId }) => taskId)).size;
  let all = tasks;
  for (const [second, count] of ordinary) if (second > from) all += count;
  return { interruptions: lately, tasks, all };
}
