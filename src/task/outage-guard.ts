/**
 * Tells an outage from tasks that kill their workers. Pure rules over the attempts of a queue that ended lately.
 *
 * Interruptions during an outage are recorded and not counted, so that no task loses its budget to a network.
 */
import type { Instant, Seconds } from './clock.js';

export interface OutageGuard {
  /** The attempts that ended in this time decide. */
  readonly window: Seconds;
  /** Fewer attempts decide nothing. */
  readonly minAttempts: number;
  /** Share of interruptions from which on the queue is in an outage. */
  readonly share: number;
}

export const DEFAULT_OUTAGE_GUARD: OutageGuard = { window: 60, minAttempts: 10, share: 0.8 };

/** One attempt that an interruption ended. */
export interface Interruption {
  readonly at: Instant;
  readonly taskId: string;
  readonly workerId?: string;
}

/** How the attempts of a queue ended lately. */
export interface Endings {
  readonly interruptions: readonly Interruption[];
  /** Attempts that ended ordinarily, completed or failed: their number by the second, as its first millisecond. */
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

/** While an outage lasts, one task is claimed in this time, as a probe. */
export const PROBE_INTERVAL_MS = 1_000;

const SECOND_MS = 1_000;
/** An outage is over when attempts end ordinarily in this part of the window. */
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
 * A task counts once however often it was interrupted: one task that kills its workers is no outage. It is over when
 * nothing was interrupted for a whole window, or when attempts end ordinarily again. Endings before the end of an outage
 * do not begin another one.
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
