import type { Instant } from '../../../task/clock.js';

/** With so many queues, all of them are asked each time. */
export const FEW_QUEUES = 256;
/** With more, each is asked at least this often, in case nobody told what happened to it. */
export const ROUND_MS = 60_000;

/** What is next in a queue, and what it keeps of ended tasks. */
export interface Summary {
  readonly queue: string;
  readonly nextOnWall: number;
  readonly nextOnSteady: number;
  readonly firstEnded: number;
  readonly endedCount: number;
  readonly endedBytes: number;
  /** Something was cleared and is not removed yet. Then the bytes may be too many, and the deadlines too early. */
  readonly hasCleared: boolean;
}

/** Up to these moments something is due. */
export interface DueLimits {
  readonly wall: Instant;
  readonly ended: Instant;
}

/**
 * What is known of many queues without asking them. A queue is asked when one of its tasks has moved, when it has leases (a
 * heartbeat that makes one shorter is no move), when cleared tasks are left in it, when its next deadline has come, and once a round.
 */
export class DueSummaries {
  private readonly known = new Map<string, Summary>();
  private readonly changed = new Set<string>();
  /** What is left of the round, the next one last. */
  private rest: string[] = [];
  private roundSize = 0;
  private roundEnds: Instant = -Infinity;

  /** Something happened in this queue. */
  touch(queue: string): void {
    this.changed.add(queue);
  }

  /** Nobody knows what has happened: everything is asked again. */
  forget(): void {
    this.known.clear();
    this.roundEnds = -Infinity;
  }

  /** Whether the names of all queues must be read, for a new round. */
  isRoundOver(now: Instant): boolean {
    return now >= this.roundEnds || this.roundEnds > now + ROUND_MS;
  }

  beginRound(names: readonly string[], now: Instant): void {
    const present = new Set(names);
    for (const queue of this.known.keys()) if (!present.has(queue)) this.known.delete(queue);
    for (const queue of names) if (!this.known.has(queue)) this.changed.add(queue);
    this.rest = [...names];
    this.roundSize = names.length;
    this.roundEnds = now + ROUND_MS;
  }

  /** The queues to ask now. Those that could not be asked must be given to `touch`. */
  toAsk(now: Instant, limits?: DueLimits): readonly string[] {
    const asked = new Set(this.changed);
    this.changed.clear();
    if (limits !== undefined) {
      for (const summary of this.known.values()) if (mayBeDue(summary, limits)) asked.add(summary.queue);
      const share = Math.max((this.roundEnds - now) / ROUND_MS, 0);
      const keep = Math.ceil(this.roundSize * share);
      for (const queue of this.rest.splice(keep)) asked.add(queue);
    }
    return [...asked];
  }

  note(summaries: readonly Summary[]): void {
    for (const summary of summaries) this.known.set(summary.queue, summary);
  }

  all(): readonly Summary[] {
    return [...this.known.values()];
  }
}

function mayBeDue(
  { nextOnWall, nextOnSteady, firstEnded, hasCleared }: Summary,
  { wall, ended }: DueLimits,
): boolean {
  return hasCleared || nextOnWall <= wall || nextOnSteady < Infinity || firstEnded <= ended;
}
