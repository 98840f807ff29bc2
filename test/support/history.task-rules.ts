/** The promises that can be judged task by task, apart from those about leases. */
import type { EnqueueOp, GetOp, Ms } from './history.js';
import {
  isOk,
  type Lease,
  mayBeCleared,
  mayHaveTwoLives,
  type Stories,
  type TaskStory,
} from './history.tasks.js';

export interface RuleContext {
  readonly stories: Stories;
  /** What two events may be apart that the service saw in the other order. */
  readonly skewMs: Ms;
}

/** What is wrong with one task, in words; nothing when nothing is. */
export type TaskRule = (story: TaskStory, context: RuleContext) => readonly string[];

const WAITING: readonly GetOp['state'][] = ['queued', 'delayed', 'processing'];

/** INV-01: an acknowledged task is there until it ends, and ends. */
export const notLost: TaskRule = (story, { stories }) => {
  const acknowledged = story.enqueues.find(isOk);
  if (acknowledged === undefined) return [];
  const missing = story.gets.find(
    ({ state, t0, t1 }) =>
      state === 'absent' && t0 > acknowledged.t1 && !mayBeCleared(story, stories.clears, t1),
  );
  return missing === undefined
    ? []
    : [`was acknowledged at ${at(acknowledged.t1)}, absent at ${at(missing.t0)}`];
};

/** INV-02: nothing comes out that nobody put in. */
export const noPhantom: TaskRule = ({ enqueues, leases, gets }) => {
  const first = enqueues[0]?.t0 ?? Infinity;
  const early = leases.find(({ t1 }) => t1 <= first);
  const seen = gets.find(({ t1, state }) => state !== 'absent' && t1 <= first);
  return [
    ...(early === undefined ? [] : [`was leased at ${at(early.t1)}, before anybody enqueued it`]),
    ...(seen === undefined ? [] : [`was there at ${at(seen.t1)}, before anybody enqueued it`]),
  ];
};

/** INV-03: what comes out is what was put in. */
export const payloadIntact: TaskRule = ({ enqueues, leases }) =>
  leases
    .filter(({ hash }) => enqueues.length > 0 && !enqueues.some((enqueue) => enqueue.hash === hash))
    .map(({ attempt }) => `attempt ${attempt} came with another payload`);

/** INV-07: one final outcome, for ever. */
export const oneOutcome: TaskRule = (story, { stories, skewMs }) => {
  const finals = story.ends.filter((end) => isOk(end) && isFinalState(end.state));
  const [first] = finals;
  if (first === undefined || mayHaveTwoLives(story, stories.clears)) return [];
  const tokens = new Set(finals.flatMap(({ token }) => token ?? []));
  const outcomes = new Set(finals.map(({ state }) => state));
  const undone = story.gets.find(
    ({ t0, t1, state }) => t0 > first.t1 && state !== first.state && !mayBeCleared(story, stories.clears, t1),
  );
  const again = story.leases.find(
    ({ t0, t1 }) => t0 > first.t1 + skewMs && !mayBeCleared(story, stories.clears, t1),
  );
  return [
    ...(tokens.size > 1 ? [`was finished under ${tokens.size} leases`] : []),
    ...(outcomes.size > 1 ? [`ended as ${[...outcomes].join(' and as ')}`] : []),
    ...(undone === undefined ? [] : [`ended as ${first.state}, was ${undone.state} at ${at(undone.t0)}`]),
    ...(again === undefined ? [] : [`ended as ${first.state} at ${at(first.t1)}, leased at ${at(again.t0)}`]),
  ];
};

/** INV-07, the other way round: no outcome that nobody reported. */
export const outcomeHasCause: TaskRule = ({ ends, cancels, enqueues, leases, gets }, { stories }) => {
  const isPossible = (state: GetOp['state']) => {
    switch (state) {
      case 'completed':
        return ends.some(({ f }) => f === 'complete');
      case 'failed':
        return leases.length > 0 || stories.lostPolls.length > 0;
      case 'cancelled':
        return cancels.length > 0;
      case 'expired':
        return enqueues.some(({ ttlMs }) => ttlMs !== undefined);
      case 'queued':
      case 'delayed':
      case 'processing':
      case 'absent':
      case undefined:
        return true;
    }
  };
  const odd = gets.find(({ state }) => !isPossible(state));
  return odd === undefined ? [] : [`is ${odd.state}, which nobody caused`];
};

/** INV-08: after the drain nothing waits. */
export const notStuck: TaskRule = ({ final }) =>
  final !== undefined && WAITING.includes(final.state) ? [`is ${final.state} after the drain`] : [];

/** INV-12: never before its time, neither the first time nor after a failure. */
export const notEarly: TaskRule = (story, { stories, skewMs }) => {
  if (story.enqueues.length === 0 || mayHaveTwoLives(story, stories.clears)) return [];
  const start = Math.min(...story.enqueues.map(({ t0, delayMs }) => t0 + delayMs));
  const early = story.leases.find(({ t1 }) => t1 < start - skewMs);
  const hasty = story.ends.flatMap((end) => {
    const lease = story.leases.find(({ token }) => token === end.token);
    const isFirst = !story.ends.some((other) => other.token === end.token && other.t0 < end.t0);
    if (!isOk(end) || end.waitMs === undefined || lease === undefined || !isFirst) return [];
    const ready = end.t0 + end.waitMs - skewMs;
    return story.leases.filter(({ attempt, t1 }) => attempt > lease.attempt && t1 < ready);
  });
  return [
    ...(early === undefined ? [] : [`was leased at ${at(early.t1)}, ready at ${at(start)}`]),
    ...hasty.map(({ attempt }) => `attempt ${attempt} came before the wait after a failure was over`),
  ];
};

/** INV-13: it does not start when its time to live is over. */
export const notExpired: TaskRule = ({ enqueues, leases }, { skewMs }) => {
  if (enqueues.length === 0) return [];
  const end = Math.max(...enqueues.map(({ t1, ttlMs = Infinity }) => t1 + ttlMs));
  return leases
    .filter(({ t0 }) => t0 > end + skewMs)
    .map(({ t0 }) => `was leased at ${at(t0)}, expired since ${at(end)}`);
};

/** INV-14: the same enqueue again is one task. */
export const enqueuedOnce: TaskRule = (story, { stories }) => {
  const { enqueues, leases } = story;
  const created = enqueues.filter(({ isCreated }) => isCreated);
  const firsts = leases.filter(({ attempt }) => attempt === 1);
  const contents = new Set(enqueues.filter(isOk).map(({ hash }) => hash));
  const mayBeTwo = mayHaveTwoLives(story, stories.clears);
  return [
    ...(!mayBeTwo && created.length > 1 ? [`was created ${created.length} times`] : []),
    ...(!mayBeTwo && firsts.length > 1 ? [`had ${firsts.length} first attempts`] : []),
    ...(!mayBeTwo && contents.size > 1 ? ['was accepted with two contents'] : []),
  ];
};

/** INV-18: after a clear nothing of before is left. */
export const cleared: TaskRule = (story, { stories }) => {
  const { enqueues, leases, gets } = story;
  return stories.clears.filter(isOk).flatMap((clear) => {
    const isGone = enqueues.length > 0 && enqueues.every((enqueue) => isBefore(enqueue, clear.t0));
    const later = <T extends { t0: Ms }>(items: readonly T[]) => items.filter(({ t0 }) => t0 > clear.t1);
    const old = new Set(leases.filter(({ t1 }) => t1 < clear.t0).map(({ token }) => token));
    const reports = later([...story.ends, ...story.heartbeats]).filter(isOk);
    return [
      ...(isGone ? later(leases).map(({ t0 }) => `was cleared, leased at ${at(t0)}`) : []),
      ...(isGone && later(gets).some(({ state }) => state !== 'absent') ? ['was cleared and is there'] : []),
      ...reports
        .filter(({ token }) => token !== undefined && old.has(token))
        .map(({ f }) => `${f} was accepted for a lease that was cleared`),
    ];
  });
};

/** Whether an enqueue is certainly over. */
function isBefore({ res, t1 }: EnqueueOp, moment: Ms): boolean {
  return res === 'ok' && t1 < moment;
}

function isFinalState(state: GetOp['state']): boolean {
  return state === 'completed' || state === 'failed';
}

/** A moment of the run, for people. */
export function at(moment: Ms): string {
  return `${(moment / 1000).toFixed(3)} s`;
}

/** The least that a lease certainly lasts: nobody can have granted it before it was asked for. */
export function heldUntil(lease: Lease, { heartbeats }: TaskStory, until: Ms): Ms {
  const beats = heartbeats.filter((beat) => isOk(beat) && beat.token === lease.token && beat.t1 < until);
  return Math.max(lease.t0 + lease.leaseMs, ...beats.map(({ t0, leaseMs }) => t0 + leaseMs));
}
