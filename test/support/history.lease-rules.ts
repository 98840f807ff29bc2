/** The promises about leases: one holder at a time, and only the holder is heard. */
import type { EndOp, HeartbeatOp } from './history.js';
import { at, heldUntil, type TaskRule } from './history.task-rules.js';
import { isOk, type Lease, mayHaveTwoLives, type TaskStory } from './history.tasks.js';

/** INV-04: while a lease certainly lasts, nobody else gets the task. */
export const oneHolder: TaskRule = (story, { stories, skewMs }) => {
  const { leases, ends, cancels } = story;
  if (mayHaveTwoLives(story, stories.clears)) return [];
  return leases.flatMap((later, index) =>
    leases.slice(0, index).flatMap((lease) => {
      if (lease.attempt >= later.attempt) return [];
      const until = heldUntil(lease, story, later.t0);
      if (later.t1 >= until - skewMs) return [];
      const mayEnd = ends.filter(({ token }) => token === undefined || token === lease.token);
      const isOver = [...mayEnd, ...cancels, ...stories.clears].some(({ t0 }) => t0 < later.t1);
      if (isOver) return [];
      return [
        `attempt ${lease.attempt} held it until ${at(until)}, ${later.attempt} came at ${at(later.t1)}`,
      ];
    }),
  );
};

/** INV-05: no token twice. */
export const freshTokens: TaskRule = ({ leases }) => {
  const tokens = new Set(leases.map(({ token }) => token));
  return tokens.size < leases.length ? ['got one token twice'] : [];
};

/** INV-05: attempts count up. */
export const countingAttempts: TaskRule = (story, { stories }) => {
  const { leases } = story;
  // Sorted by attempt: no earlier one of the list may have the same number, or have been asked for later.
  const isCounting = leases.every((lease, index) =>
    leases.slice(0, index).every((other) => other.attempt < lease.attempt && other.t0 <= lease.t1),
  );
  return isCounting || mayHaveTwoLives(story, stories.clears) ? [] : ['has attempts that do not count up'];
};

/** INV-06: who does not hold the task any more is not heard. */
export const noStaleReport: TaskRule = (story, { stories, skewMs }) => {
  const reports: (EndOp | HeartbeatOp)[] = [...story.ends, ...story.heartbeats];
  if (mayHaveTwoLives(story, stories.clears)) return [];
  return reports.filter(isOk).flatMap((report) => {
    const { f, token, t0, t1 } = report;
    if (token === undefined) {
      const isClaimed = story.leases.some((lease) => lease.t0 < t1);
      return isClaimed || stories.lostPolls.length > 0 ? [] : [`${f} was accepted though nobody had it`];
    }
    const lease = story.leases.find((candidate) => candidate.token === token && candidate.t0 < t1);
    if (lease === undefined) return [`${f} was accepted with a token that was never given out`];
    // One that had been given out before this lease was asked for does not come after it, whatever its number: after a
    // loss of writes numbers come again.
    const isReassigned = story.leases.some(
      (later) => later.attempt > lease.attempt && later.t1 < t0 && later.t1 >= lease.t0,
    );
    const isLate = t0 > latestEnd(lease, story) + skewMs && !isRepetition(report, story);
    return [
      ...(isReassigned ? [`${f} of attempt ${lease.attempt} was accepted after a later one had begun`] : []),
      ...(isLate ? [`${f} of attempt ${lease.attempt} was accepted after its lease was over`] : []),
      ...(endedOtherwise(report, story) ? [`${f} was accepted after its attempt had ended otherwise`] : []),
    ];
  });
};

/** INV-11, for one task: no more attempts than its budgets pay for. */
export const withinBudget: TaskRule = (story, { stories }) => {
  const { enqueues, leases, ends } = story;
  const [first] = enqueues;
  if (first === undefined || mayHaveTwoLives(story, stories.clears)) return [];
  const releases = ends.filter(({ f }) => f === 'release').length;
  const allowed = first.maxAttempts + first.maxInterruptions + releases;
  const isCounted = leases.every(({ attempt }) => attempt >= 1);
  return [
    ...(leases.length > allowed ? [`had ${leases.length} attempts, ${allowed} are allowed`] : []),
    ...(isCounted ? [] : ['had an attempt below 1']),
  ];
};

/** The latest that a lease can have lasted. Nobody knows what a heartbeat without answer did. */
function latestEnd(lease: Lease, { heartbeats }: TaskStory): number {
  const beats = heartbeats.filter(({ token }) => token === lease.token);
  if (beats.some(({ res }) => res === 'info')) return Infinity;
  return Math.max(lease.t1 + lease.leaseMs, ...beats.map(({ t1, leaseMs }) => t1 + leaseMs));
}

/** The same report may have been taken before; then this one only repeats the answer. */
function isRepetition(report: EndOp | HeartbeatOp, { ends }: TaskStory): boolean {
  return ends.some((end) => end.f === report.f && end.token === report.token && end.t0 < report.t0);
}

function endedOtherwise({ f, token, t0 }: EndOp | HeartbeatOp, { ends }: TaskStory): boolean {
  return ends.some((end) => isOk(end) && end.token === token && end.f !== f && end.t1 < t0);
}
