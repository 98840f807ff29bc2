import type { Instant } from '../../task/clock.js';
import { holdsBack, type QueueSettings } from '../../task/queue-settings.js';
import { emptyBucket, type FullAt, untilToken, withoutToken } from '../../task/rate-limit.js';
import type { Offer } from '../../task/requirements.js';
import { type Ageing, type Candidate, type Lane, type Picks, ReadyLanes } from './ready-lanes.js';
import type { TaskNumber } from './task-number.js';

type CreatedAt = (number: TaskNumber) => Instant;

/** What a queue hands out, and when: its ready tasks, the limits that are set, and what they count. */
export class QueueFlow {
  ready = new ReadyLanes((group) => this.isFull(group));
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
    this.ready.readmitAll();
  }

  /**
   * The next tasks for a worker, as long as the limits allow one: each must be served or taken out before the next one is
   * asked for, and all of it happen in one turn.
   */
  picks(offer: Offer, now: Instant, createdAt: CreatedAt): Picks {
    const picks = this.ready.picks(offer, this.ageing(createdAt));
    return { next: () => (this.isHeldBack && this.isClosed(now) ? undefined : picks.next()) };
  }

  /** After how many claims a task is handed out at the latest; `undefined` when it is not ready. */
  position(lane: Lane, number: TaskNumber, createdAt: CreatedAt): number | undefined {
    return this.ready.position(lane, number, this.ageing(createdAt));
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

  /** Forgets all ready tasks at once. */
  dropReady(): void {
    this.ready = new ReadyLanes((group) => this.isFull(group));
  }

  /** Nothing is being worked on any more. */
  dropActive(): void {
    this.active = 0;
    this.activeOf.clear();
    this.ready.readmitAll();
  }

  /** A task of the group is being worked on. */
  enter(group: string): void {
    this.active += 1;
    if (group === '') return;
    this.activeOf.set(group, (this.activeOf.get(group) ?? 0) + 1);
  }

  /** A task of the group is being worked on no longer. */
  leave(group: string): void {
    this.active -= 1;
    if (group === '') return;
    const left = (this.activeOf.get(group) ?? 0) - 1;
    if (left > 0) this.activeOf.set(group, left);
    else this.activeOf.delete(group);
    this.ready.readmit(group);
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

  /** Whether a group is at its limit. The tasks without a group are not limited. */
  private isFull(group: string): boolean {
    const { maxConcurrencyPerGroup: limit } = this.settings;
    return limit !== undefined && group !== '' && (this.activeOf.get(group) ?? 0) >= limit;
  }

  private ageing(createdAt: CreatedAt): Ageing | undefined {
    const { priorityAgeing: perPoint } = this.settings;
    return perPoint === undefined ? undefined : { perPoint, createdAt };
  }
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
