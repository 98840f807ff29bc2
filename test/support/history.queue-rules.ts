/** The promises that are about many tasks at once: order, false empties, lost deliveries, the count of a clear. */
import type { EnqueueOp, Grant, LeaseOp, Ms } from './history.js';
import { at, type RuleContext } from './history.task-rules.js';
import {
  isOk,
  type Lease,
  mayBeCleared,
  mayHaveTwoLives,
  type Stories,
  type TaskStory,
} from './history.tasks.js';

/** What is wrong, in words. */
export type QueueRule = (context: RuleContext) => readonly string[];

/** What a sweep may take to notice that a delay is over: after a fault much is over, and machines are busy. */
const SWEEP_MS = 2_000;

interface Availability {
  readonly id: string;
  readonly queue: string;
  /** Certainly ready from then, and untouched until then. */
  readonly from: Ms;
  readonly until: Ms;
}

/**
 * INV-09: an empty answer means that nothing was ready.
 *
 * A poll whose answer was lost in a crash may have held tasks that its commit then never took; so as many tasks as such
 * polls could hold at that time are no evidence.
 */
export const noFalseEmpty: QueueRule = ({ stories, skewMs }) => {
  const tasks = [...stories.tasks.values()].flatMap((story) => availabilityOf(story, stories, skewMs));
  tasks.sort((a, b) => a.from - b.from);
  const empties = stories.polls.filter((poll) => isOk(poll) && poll.grants.length === 0);
  return empties.flatMap((poll) => {
    const ready = tasks
      .slice(0, countBefore(tasks, poll.t0))
      .filter(({ queue, until }) => until > poll.t1 && poll.queues.includes(queue));
    const held = sum(stories.lostPolls.filter((lost) => isOverlapping(lost, poll)).map(({ max }) => max));
    const [first] = ready;
    if (ready.length <= held || first === undefined) return [];
    return [`a poll at ${at(poll.t0)} was empty while ${first.id} (of ${ready.length}) was ready`];
  });
};

interface FirstLease {
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  readonly enqueued: { readonly t0: Ms; readonly t1: Ms };
  readonly leased: { readonly t0: Ms; readonly t1: Ms };
}

/**
 * INV-10: higher priorities first, then first in, first out. Judged by first attempts. What was leased while the answer
 * of another poll got lost is left out, for the reason that `noFalseEmpty` gives.
 */
export const inOrder: QueueRule = ({ stories }) => {
  const tasks = [...stories.tasks.values()].flatMap((story) => firstLeaseOf(story, stories));
  const queues = [...new Set(tasks.map(({ queue }) => queue))];
  return queues.flatMap((name) => outOfOrder(tasks.filter(({ queue }) => queue === name)));
};

/** INV-11, over all tasks: each delivery that nobody saw is paid for by an answer that got lost. */
export const deliveriesPaid: QueueRule = ({ stories }) => {
  const unseen = [...stories.tasks.values()].map(({ leases, mayBeUndone }) => {
    if (mayBeUndone) return 0;
    const attempts = new Set(leases.map(({ attempt }) => attempt));
    return Math.max(0, ...attempts) - attempts.size;
  });
  const lost = sum(stories.lostPolls.map(({ max }) => max));
  return sum(unseen) > lost
    ? [`${sum(unseen)} attempts were never seen, ${lost} could be lost on the way`]
    : [];
};

/** INV-23: a claim that is sent again with its id returns the same leases, as long as it holds them. */
export const claimsRepeat: QueueRule = ({ stories, skewMs }) => {
  const answered = stories.polls.filter(({ claimId, res }) => claimId !== undefined && res === 'ok');
  const ends = [...stories.tasks.values()].flatMap((story) => [...story.ends, ...story.cancels]);
  const mayLeave = ({ id, leaseMs }: Grant, from: Ms, until: Ms) =>
    until > from + leaseMs - skewMs ||
    [...ends.filter((end) => end.id === id), ...stories.clears].some(({ t0 }) => t0 < until) ||
    stories.tasks.get(id)?.mayBeUndone === true;
  return answered.flatMap((first, index) => {
    // One that was sent before this one was answered may have been answered first.
    const again = answered
      .slice(index + 1)
      .find(({ claimId, t0 }) => claimId === first.claimId && t0 >= first.t1);
    if (again === undefined || first.grants.length === 0) return [];
    const told = new Set(again.grants.map(({ token }) => token));
    const missing = first.grants.filter(
      (grant) => !told.has(grant.token) && !mayLeave(grant, first.t0, again.t1),
    );
    const isHeld = first.grants.some((grant) => !mayLeave(grant, first.t0, again.t1));
    const isOther = isHeld && again.grants.length > first.grants.length;
    return [
      ...missing.map(({ id }) => `a claim held ${id} and was not told so at ${at(again.t0)}`),
      ...(isOther ? [`a claim that held tasks got others at ${at(again.t0)}`] : []),
    ];
  });
};

/** INV-18: a clear counts what it removed. */
export const clearCount: QueueRule = ({ stories }) => {
  const tasks = [...stories.tasks.values()];
  return stories.clears.flatMap((clear) => {
    if (clear.removed === undefined) return [];
    const others = stories.clears.filter((other) => other !== clear && other.t0 < clear.t1);
    const mayBeGone = (one: EnqueueOp) => others.some(({ res, t1 }) => res === 'info' || t1 > one.t0);
    const isGone = (one: EnqueueOp) =>
      isOk(one) && others.some((other) => isOk(other) && one.t1 < other.t0 && other.t1 < clear.t0);
    const isCertain = ({ enqueues }: TaskStory) =>
      enqueues.some((one) => isOk(one) && one.t1 < clear.t0 && !mayBeGone(one));
    const isPossible = ({ enqueues }: TaskStory) => enqueues.some((one) => one.t0 < clear.t1 && !isGone(one));
    const [least, most] = [tasks.filter(isCertain).length, tasks.filter(isPossible).length];
    if (clear.removed >= least && clear.removed <= most) return [];
    return [
      `a clear at ${at(clear.t0)} counted ${clear.removed} tasks, between ${least} and ${most} were there`,
    ];
  });
};

function availabilityOf(story: TaskStory, { clears, faults }: Stories, skewMs: Ms): Availability[] {
  const [lease] = story.leases;
  const enqueue = story.enqueues.find(isOk);
  if (enqueue === undefined || lease?.attempt !== 1) return [];
  if (mayHaveTwoLives(story, clears) || story.mayBeUndone) return [];
  const touched = [lease, ...story.cancels, ...clears].map(({ t0 }) => t0);
  const expiry = Math.min(...story.enqueues.map(({ t0, ttlMs = Infinity }) => t0 + ttlMs));
  const due = enqueue.t1 + enqueue.delayMs;
  // A delay that ran out while something was broken, or so shortly before that nobody had noticed yet, is noticed when
  // it is whole again, with much else.
  const broken = faults.find(({ t0, t1 }) => due + SWEEP_MS >= t0 && due <= t1);
  const noticed = enqueue.delayMs === 0 ? due : (broken?.t1 ?? due) + SWEEP_MS;
  const from = noticed + skewMs;
  return [{ id: story.id, queue: enqueue.queue, from, until: Math.min(...touched, expiry - skewMs) }];
}

/** How many of a list that is sorted by `from` begin before a moment. */
function countBefore(tasks: readonly Availability[], moment: Ms): number {
  let [low, high] = [0, tasks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tasks[middle]?.from ?? Infinity) < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isOverlapping(lost: LeaseOp, other: { readonly t0: Ms; readonly t1: Ms }): boolean {
  return lost.t0 <= other.t1 && lost.t1 >= other.t0;
}

function firstLeaseOf(story: TaskStory, { lostPolls, clears }: Stories): FirstLease[] {
  const [enqueued, ...others] = story.enqueues;
  const [leased]: Lease[] = story.leases;
  if (enqueued === undefined || others.length > 0 || !isOk(enqueued) || enqueued.delayMs > 0) return [];
  if (leased?.attempt !== 1 || mayBeCleared(story, clears) || story.mayBeUndone) return [];
  if (lostPolls.some((lost) => isOverlapping(lost, leased))) return [];
  return [{ id: story.id, queue: enqueued.queue, priority: enqueued.priority, enqueued, leased }];
}

/** Of tasks that were certainly leased before, those by priority that show most clearly that they were not first. */
interface Overtaker {
  /** Of the one that was enqueued last. */
  enqueuedAt: Ms;
  /** Of the one that was leased last. */
  leasedAt: Ms;
}

/** One sweep: tasks in the order in which their leases were asked for, against all that were leased before. */
function outOfOrder(tasks: readonly FirstLease[]): string[] {
  const byAnswer = [...tasks].sort((a, b) => a.leased.t1 - b.leased.t1);
  const bySending = [...tasks].sort((a, b) => a.leased.t0 - b.leased.t0);
  const before = new Map<number, Overtaker>();
  let passed = 0;
  return bySending.flatMap((task) => {
    for (let other = byAnswer[passed]; other && other.leased.t1 < task.leased.t0; other = byAnswer[passed]) {
      note(before, other);
      passed += 1;
    }
    const isLate = [...before].some(([priority, overtaker]) => {
      if (priority > task.priority) return false;
      const limit = priority === task.priority ? overtaker.enqueuedAt : overtaker.leasedAt;
      return task.enqueued.t1 < limit;
    });
    return isLate ? [`${task.id} was leased at ${at(task.leased.t0)}, after a task behind it`] : [];
  });
}

function note(before: Map<number, Overtaker>, { priority, enqueued, leased }: FirstLease): void {
  const known = before.get(priority);
  before.set(priority, {
    enqueuedAt: Math.max(known?.enqueuedAt ?? -Infinity, enqueued.t0),
    leasedAt: Math.max(known?.leasedAt ?? -Infinity, leased.t0),
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
