import type { Instant, Moment } from '../../task/clock.js';
import { holdsBack, type QueueSettings } from '../../task/queue-settings.js';
import { emptyBucket, type FullAt, untilToken, withoutToken } from '../../task/rate-limit.js';
import type { Offer } from '../../task/requirements.js';
import { type Candidate, ReadyLanes } from './ready-lanes.js';
import type { TaskNumber } from './task-number.js';

/** What a queue hands out, and when: its ready tasks, the limits that are set, and what they count. */
export class QueueFlow {
  readonly ready = new ReadyLanes();
  private settings: QueueSettings = {};
  private isHeldBack = false;
  /** Tasks that are being worked on, or were handed out a moment ago. */
  private active = 0;
  /** The same for each group that has any. */
  private readonly activeOf = new Map<string, number>();
  private fullAt: FullAt = -Infinity;

  get isConfigured(): boolean {
    return Object.keys(this.settings).length > 0;
  }

  /** Takes over settings. A rate that takes the place of another, and one that was read at start, begins empty. */
  configure(settings: QueueSettings, now: Instant, isStart = false): void {
    const before = this.settings.rateLimit;
    const rate = settings.rateLimit;
    this.settings = settings;
    this.isHeldBack = holdsBack(settings);
    if (rate === undefined) this.fullAt = -Infinity;
    else if (isStart || (before !== undefined && !isSame(before, rate))) this.fullAt = emptyBucket(rate, now);
    for (const group of new Set([...this.ready.parkedGroups, ...this.activeOf.keys()])) this.fit(group);
  }

  /** The next task for a worker, if the limits allow one. */
  next(offer: Offer, now: Moment, createdAt: (number: TaskNumber) => Instant): Candidate | undefined {
    if (this.isHeldBack && this.isClosed(now.steady)) return undefined;
    const { priorityAgeing: ageing } = this.settings;
    if (ageing === undefined) return this.ready.next(offer);
    return this.ready.next(
      offer,
      (priority, number) => priority + (now.wall - createdAt(number)) / (ageing * 1000),
    );
  }

  /** Hands out a task: from now on it counts. Answers what takes that back. */
  serve(candidate: Candidate, now: Instant): () => void {
    const { rateLimit } = this.settings;
    const { fullAt } = this;
    if (rateLimit !== undefined) this.fullAt = withoutToken(rateLimit, this.fullAt, now);
    this.ready.serve(candidate);
    this.enter(candidate.group);
    return () => {
      this.leave(candidate.group);
      this.ready.add(candidate, candidate.number);
      this.fullAt = fullAt;
    };
  }

  /** A task of the group is being worked on. */
  enter(group: string): void {
    this.active += 1;
    if (group === '') return;
    this.activeOf.set(group, (this.activeOf.get(group) ?? 0) + 1);
    this.fit(group);
  }

  /** A task of the group is being worked on no longer. */
  leave(group: string): void {
    this.active -= 1;
    if (group === '') return;
    const left = (this.activeOf.get(group) ?? 0) - 1;
    if (left > 0) this.activeOf.set(group, left);
    else this.activeOf.delete(group);
    this.fit(group);
  }

  /** Milliseconds until the rate allows to hand out a task. */
  untilAllowed(now: Instant): number {
    const { rateLimit } = this.settings;
    return rateLimit === undefined ? 0 : untilToken(rateLimit, this.fullAt, now);
  }

  private isClosed(now: Instant): boolean {
    const { paused, maxConcurrency = Infinity } = this.settings;
    return paused === true || this.active >= maxConcurrency || this.untilAllowed(now) > 0;
  }

  /** Holds a group back if it is at its limit. */
  private fit(group: string): void {
    const { maxConcurrencyPerGroup: limit = Infinity } = this.settings;
    if ((this.activeOf.get(group) ?? 0) >= limit) this.ready.park(group);
    else this.ready.unpark(group);
  }
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
