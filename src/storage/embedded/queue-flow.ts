import type { Instant } from '../../task/clock.js';
import { PROBE_INTERVAL_MS } from '../../task/outage-guard.js';
import { hasOutage, holdsBack, type QueueSettings } from '../../task/queue-settings.js';
import { emptyBucket, type FullAt, untilToken, withoutToken } from '../../task/rate-limit.js';
import type { Offer } from '../../task/requirements.js';
import {
  type Ageing,
  type Candidate,
  type Lane,
  type LaneDump,
  type Picks,
  ReadyLanes,
} from './ready-lanes.js';
import type { TaskNumber } from './task-number.js';

type CreatedAt = (number: TaskNumber) => Instant;

/** The tasks of a queue that are ready, and the number of those in processing. */
export interface FlowDump {
  readonly lanes: readonly LaneDump[];
  readonly active: number;
  readonly activeOf: ReadonlyMap<string, number>;
}

/**
 * Decides which tasks of a queue can be claimed, and when: its ready tasks, its limits, and the counts that the limits
 * compare.
 */
export class QueueFlow {
  ready = new ReadyLanes((group) => this.isFull(group));
  private settings: QueueSettings = {};
  private isHeldBack = false;
  /** Number of tasks in processing, including those claimed in this turn. */
  private active = 0;
  /** The same per group, without zero entries. */
  private readonly activeOf = new Map<string, number>();
  private fullAt: FullAt = -Infinity;
  /** When the next probe of an outage may be claimed. */
  private probeAt: Instant = -Infinity;

  load({ lanes, active, activeOf }: FlowDump): void {
    this.active = active;
    for (const [group, count] of activeOf) this.activeOf.set(group, count);
    this.ready.load(lanes);
  }

  dump(): FlowDump {
    return { lanes: this.ready.dump(), active: this.active, activeOf: this.activeOf };
  }

  get isConfigured(): boolean {
    return Object.keys(this.settings).length > 0;
  }

  /** Applies settings. The bucket starts empty when it replaces another rate or was read at startup. */
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
   * The next tasks for a worker, while the limits allow one. Serve or remove each task before asking for the next, all
   * within one turn.
   */
  picks(offer: Offer, now: Instant, createdAt: CreatedAt): Picks {
    const picks = this.ready.picks(offer, this.ageing(createdAt));
    return { next: () => (this.isHeldBack && this.isClosed(now) ? undefined : picks.next()) };
  }

  /** The latest claim that gets the task, counted from the next one; `undefined` when the task is not ready. */
  position(lane: Lane, number: TaskNumber, createdAt: CreatedAt): number | undefined {
    return this.ready.position(lane, number, this.ageing(createdAt));
  }

  /** Claims a task, which then counts against the limits. Returns a function that undoes this. */
  serve(candidate: Candidate, now: Instant): () => void {
    const { rateLimit } = this.settings;
    const { fullAt, probeAt } = this;
    if (rateLimit !== undefined) this.fullAt = withoutToken(rateLimit, this.fullAt, now);
    if (hasOutage(this.settings)) this.probeAt = now + PROBE_INTERVAL_MS;
    this.ready.serve(candidate);
    this.enter(candidate.group);
    return () => {
      this.leave(candidate.group);
      this.ready.add(candidate, candidate.number);
      this.fullAt = fullAt;
      this.probeAt = probeAt;
    };
  }

  /** Removes all ready tasks at once. */
  dropReady(): void {
    this.ready = new ReadyLanes((group) => this.isFull(group));
  }

  /** Sets the number of tasks in processing to zero. */
  dropActive(): void {
    this.active = 0;
    this.activeOf.clear();
    this.ready.readmitAll();
  }

  /** A task of the group enters processing. */
  enter(group: string): void {
    this.active += 1;
    if (group === '') return;
    this.activeOf.set(group, (this.activeOf.get(group) ?? 0) + 1);
  }

  /** A task of the group leaves processing. */
  leave(group: string): void {
    this.active -= 1;
    if (group === '') return;
    const left = (this.activeOf.get(group) ?? 0) - 1;
    if (left > 0) this.activeOf.set(group, left);
    else this.activeOf.delete(group);
    this.ready.readmit(group);
  }

  /** Milliseconds until the rate allows a claim, and in an outage the next probe. */
  untilAllowed(now: Instant): number {
    const { rateLimit } = this.settings;
    const untilProbe = hasOutage(this.settings) ? Math.max(this.probeAt - now, 0) : 0;
    return Math.max(untilProbe, rateLimit === undefined ? 0 : untilToken(rateLimit, this.fullAt, now));
  }

  private isClosed(now: Instant): boolean {
    const { paused, maxConcurrency = Infinity } = this.settings;
    return paused === true || this.active >= maxConcurrency || this.untilAllowed(now) > 0;
  }

  /** Whether a group is at its limit. Tasks without a group are exempt. */
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
